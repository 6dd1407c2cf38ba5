"""What a plain scalar means: YAML 1.2's core schema.

One rule is stricter: a whole number with a leading zero (`0755`) stays text, since YAML 1.1 read it as octal.
"""

import re
from functools import lru_cache
from typing import Final

from dsl.limits import INTEGER_MAX, INTEGER_MIN

Scalar = str | int | float | bool | None

_WORDS: Final[dict[str, bool | None]] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_NUMBER_STARTS: Final = frozenset("+-.0123456789")
_DECIMAL: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_BASED: Final = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_LEADING_ZERO: Final = re.compile(r"[-+]?0[0-9]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_DIGITS_MAX: Final = 20


class UnfitNumberError(ValueError):
    """The scalar is a number that JSON, or 64 bits, cannot hold."""


def resolve(text: str) -> Scalar:
    """Return what a plain scalar means. Raises `UnfitNumberError` for one that JSON or 64 bits cannot hold."""
    if text in _WORDS:
        return _WORDS[text]
    return _number(text) if text[0] in _NUMBER_STARTS else text


@lru_cache(maxsize=4096)
def is_text(text: str) -> bool:
    """Return whether a plain scalar is text; remembered, since files share their keys."""
    try:
        return isinstance(resolve(text), str)
    except UnfitNumberError:
        return False


def _number(text: str) -> Scalar:
    if _DECIMAL.fullmatch(text):
        return _integer(text, 10)
    if _LEADING_ZERO.fullmatch(text):
        return text
    if _BASED.fullmatch(text):
        return _integer(text, 0)
    if _FLOAT.fullmatch(text):
        return _finite(float(text), text)
    if _NOT_FINITE.fullmatch(text):
        raise UnfitNumberError(f"{text} is not a number that JSON can hold")
    return text


def _integer(text: str, base: int) -> int:
    digits = text.lstrip("+-")
    if base == 10 and len(digits) > _DIGITS_MAX:
        raise UnfitNumberError("the number does not fit 64 bits")
    value = int(text, base)
    if not INTEGER_MIN <= value <= INTEGER_MAX:
        raise UnfitNumberError("the number does not fit 64 bits")
    return value


def _finite(value: float, text: str) -> float:
    if value in (float("inf"), float("-inf")):
        raise UnfitNumberError(f"{text} is larger than a number can be")
    return value
