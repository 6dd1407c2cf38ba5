"""JSON as both databases take it."""

from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode


def json_text(value: Any) -> str:
    """Return JSON without the character U+0000, which PostgreSQL's text cannot hold (it becomes U+FFFD)."""
    data = _encode(value)
    if rb"\u0000" in data:
        data = _encode(_without_nul(msgspec.json.decode(data)))
    return data.decode()


def _without_nul(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\0", "\ufffd")
        case list():
            return [_without_nul(item) for item in value]
        case dict():
            return {_without_nul(key): _without_nul(item) for key, item in value.items()}
        case _:
            return value
