"""Requests that say who sent them: signatures over the raw body, checked before anything of it is read.

Whatever a body holds, reading it gives a value or a `BodyError`, which names the place.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

T = TypeVar("T")

DEPTH_MAX: Final = 64
"""How deep a JSON body may be nested: what is made of it is walked through, and kept."""


class UnsignedError(Exception):
    """The request is not signed as it should be, or what it is for is not there: which, is not told."""


class BodyError(Exception):
    """The body cannot be read; the message names the place."""


def lowered(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers by their names in lower case."""
    return {name.lower(): value for name, value in headers.items()}


def hex_signature(secret: str, signed: bytes) -> str:
    """Return the HMAC-SHA-256 (RFC 2104) in hexadecimal digits."""
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def matches(wanted: str, given: str) -> bool:
    """Whether two texts are the same; how long that takes says nothing of what is wanted. Nothing matches emptiness."""
    same = hmac.compare_digest(wanted.encode("utf-8", "replace"), given.encode("utf-8", "replace"))
    return same and bool(wanted)


def read_json(body: bytes, kind: type[T]) -> T:
    """Return a JSON body (RFC 8259) as `kind`. Raises `BodyError`."""
    try:
        value = msgspec.json.decode(body, type=kind)
    except RecursionError:
        raise BodyError(f"body: it is nested more than {DEPTH_MAX} levels deep") from None
    except UnicodeDecodeError as error:
        raise BodyError(f"body: it is not UTF-8: {error.reason}\n  hint: send JSON in UTF-8") from None
    except msgspec.DecodeError as error:
        raise BodyError(f"body: {error}\n  hint: send JSON as in RFC 8259, without NaN and Infinity") from None
    if kind is Any:
        _not_too_deep(value)
    return value


def _not_too_deep(value: Any) -> None:
    level = [value]
    for _ in range(DEPTH_MAX):
        level = [inner for item in level for inner in _inner(item)]
        if not level:
            return
    raise BodyError(f"body: it is nested more than {DEPTH_MAX} levels deep")


def _inner(value: Any) -> list[Any]:
    match value:
        case dict():
            return [inner for inner in value.values() if isinstance(inner, dict | list)]
        case list():
            return [inner for inner in value if isinstance(inner, dict | list)]
        case _:
            return []
