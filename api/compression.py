"""Answers compressed on their way (RFC 9110, section 8.4), piece by piece."""

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

PIECE_BYTES: Final = 64 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS


def accepts_gzip(header: str) -> bool:
    """Whether an `Accept-Encoding` header (RFC 9110, section 12.5.3) takes gzip."""
    weights: dict[str, str] = {}
    for each in header.lower().split(","):
        coding, _, parameter = each.partition(";")
        weights[coding.strip()] = parameter.strip()
    weight = weights.get("gzip", weights.get("*"))
    return weight is not None and weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}


def gzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Give the pieces compressed."""
    compressor = zlib.compressobj(6, zlib.DEFLATED, _GZIP)
    for piece in pieces:
        if compressed := compressor.compress(piece):
            yield compressed
    yield compressor.flush()


def gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Give the same bytes in fewer pieces, of some 64 KiB."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        if len(waiting) >= PIECE_BYTES:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)
