"""Whether a JSON value is of a declared type."""

import re
from datetime import date
from typing import Any, Final

from dsl.durations import DurationError, parse_duration
from dsl.model import ValueType
from dsl.times import TimeError, parse_time

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLASSES: Final[dict[ValueType, tuple[type, ...]]] = {
    ValueType.STRING: (str,),
    ValueType.INTEGER: (int,),
    ValueType.NUMBER: (int, float),
    ValueType.BOOLEAN: (bool,),
    ValueType.DATE: (str,),
    ValueType.DATETIME: (str,),
    ValueType.DURATION: (str,),
    ValueType.ARRAY: (list,),
    ValueType.OBJECT: (dict,),
}


def is_of_type(value: Any, kind: ValueType) -> bool:
    """Return whether a value is of a type: dates, times and durations are text of their form, 1.0 is an integer."""
    if isinstance(value, bool):
        return kind is ValueType.BOOLEAN
    if kind is ValueType.INTEGER and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _CLASSES[kind]) and (not isinstance(value, str) or _has_form(value, kind))


def _has_form(text: str, kind: ValueType) -> bool:
    try:
        match kind:
            case ValueType.DATE:
                return _DATE.fullmatch(text) is not None and bool(date.fromisoformat(text))
            case ValueType.DATETIME:
                return bool(parse_time(text))
            case ValueType.DURATION:
                return parse_duration(text) >= 0
            case _:
                return True
    except (DurationError, TimeError, ValueError):
        return False
