"""Log lines as they cross the broker and rest in the database: zstd-compressed JSON, one array a batch."""

from datetime import datetime
from typing import Literal

import msgspec
import zstandard

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


def unpack(data: bytes, bytes_max: int = 16 * 1024 * 1024) -> list[LogLine]:
    """Return the lines that `pack` wrote. Raises `ValueError` if `data` is not that, or larger than `bytes_max`."""
    try:
        return _decoder.decode(zstandard.ZstdDecompressor().decompress(data, max_output_size=bytes_max))
    except (zstandard.ZstdError, msgspec.DecodeError) as error:
        raise ValueError(f"unreadable log batch: {error}") from error
