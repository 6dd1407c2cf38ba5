"""Values between JSON and CEL. JSON forms: a date is text, a datetime RFC 3339, a duration such as `90s`."""

import base64
import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NoReturn

from cel_expr_python import cel

from dsl.durations import parse_duration

INTEGER_MAX: Final = (1 << 63) - 1
"""CEL's integers have 64 bits; a larger one in JSON becomes a number with a fraction."""


def to_cel(kind: str, value: Any) -> Any:
    """Return a JSON value as CEL takes a variable of that type. Raises `ValueError` if it cannot be one."""
    match kind:
        case "datetime" if isinstance(value, str):
            return datetime.fromisoformat(value)
        case "duration" if isinstance(value, str):
            return timedelta(seconds=parse_duration(value))
        case "number" if isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        case _:
            return value


def to_json(value: Any) -> Any:
    """Return a CEL value as JSON has it; bytes are base64. Raises `ValueError` for what JSON cannot hold."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return _finite(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case timedelta():
            return duration_text(value)
        case cel.Value():
            return to_json(value.plain_value())
        case bytes() | bytearray():
            return base64.b64encode(value).decode()
        case list() | tuple():
            return [to_json(item) for item in value]
        case dict():
            return {key if isinstance(key, str) else json.dumps(to_json(key)): to_json(v) for key, v in value.items()}
        case _:
            raise ValueError("gives something that is not a value: a type or an optional")


def duration_text(value: timedelta) -> str:
    """Return a duration in seconds, or in milliseconds where it has a fraction (cut off there)."""
    milliseconds = value // timedelta(milliseconds=1)
    return f"{milliseconds}ms" if milliseconds % 1000 else f"{milliseconds // 1000}s"


def parse_json(text: str) -> Any:
    """Return the value of a JSON text. Raises `ValueError`, also for `NaN` and the infinities, which JSON has not."""
    try:
        return json.loads(text, parse_int=_integer, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error


def _integer(digits: str) -> int | float:
    if len(digits) < len(str(INTEGER_MAX)):
        return int(digits)
    number = float(digits)
    return int(digits) if abs(number) < INTEGER_MAX else _finite(number)


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError(f"gives {number}, which JSON does not have")
    return number


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"JSON has no {constant}")
