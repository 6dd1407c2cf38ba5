"""Plans as they cross the broker: compressed, and bounded."""

from typing import TYPE_CHECKING, Final

import msgspec
import zstandard

from engine.services.asking import NotAnsweredError

if TYPE_CHECKING:  # an API process compiles nothing until a plan is asked for
    from engine.services.plans import SourcePlan

PACKED_BYTES_MAX: Final = 4 << 20
"""Well within one message of RabbitMQ's (16 MiB by default), written as text."""
PLAN_BYTES_MAX: Final = 64 << 20


def packed(plan: "SourcePlan") -> bytes:
    """Return a plan as bytes. Raises `NotAnsweredError` for one that is too large."""
    text = msgspec.json.encode(plan)
    data = zstandard.ZstdCompressor(level=3).compress(text)
    if len(text) > PLAN_BYTES_MAX or len(data) > PACKED_BYTES_MAX:
        raise NotAnsweredError("too_large", f"the plan has {len(text):,} bytes, more than can be sent")
    return data


def unpacked(data: bytes) -> "SourcePlan":
    """Return the plan that `packed` wrote. Raises `ValueError` if it is none."""
    from engine.services.plans import SourcePlan  # noqa: PLC0415 - as above

    try:
        text = zstandard.ZstdDecompressor().decompress(data, max_output_size=PLAN_BYTES_MAX)
        return msgspec.json.decode(text, type=SourcePlan)
    except (zstandard.ZstdError, msgspec.DecodeError) as error:
        raise ValueError(f"unreadable plan: {error}") from error
