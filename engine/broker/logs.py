"""Log lines as they cross the broker and rest in the database: zstd-compressed JSON, one array a batch."""

from datetime import datetime
from typing import Final, Literal

import msgspec
import zstandard

BYTES_MAX: Final = 16 * 1024 * 1024

Stream = Literal["stdout", "stderr", "system"]


class LogLine(msgspec.Struct, frozen=True, array_like=True):
    """One line: when it was read (UTC), from which stream, and its text without the line break."""

    at: datetime
    stream: Stream
    text: str


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(list[LogLine])


def pack(lines: list[LogLine]) -> bytes:
    """Return the lines compressed."""
    return zstandard.ZstdCompressor(level=3).compress(_encoder.encode(lines))


def unpack(data: bytes, bytes_max: int = BYTES_MAX) -> list[LogLine]:
    """Return the lines that `pack` wrote. Raises `ValueError` if `data` is not that, or larger than `bytes_max`."""
    return read_lines(inflate(data, bytes_max))


def inflate(data: bytes, bytes_max: int = BYTES_MAX) -> bytes:
    """Return the JSON of the lines that `pack` wrote. Raises `ValueError` as `unpack` does."""
    try:
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=bytes_max)
    except zstandard.ZstdError as error:
        raise ValueError(f"unreadable log batch: {error}") from error


def read_lines(packed: bytes) -> list[LogLine]:
    """Return the lines in what `inflate` gave. Raises `ValueError` if it is not that."""
    try:
        return _decoder.decode(packed)
    except msgspec.DecodeError as error:
        raise ValueError(f"unreadable log batch: {error}") from error
