"""Checks of values against declared types: inputs when a run is asked for, outputs when an attempt ends."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from dsl.model import ValueType

_DURATION: Final = re.compile(r"(\d+(\.\d+)?(ms|s|m|h|d))+|P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?")


def fits(value: Any, kind: ValueType) -> bool:
    """Whether a JSON value is of the declared type."""
    match kind:
        case ValueType.STRING:
            return isinstance(value, str)
        case ValueType.INTEGER:
            return isinstance(value, int) and not isinstance(value, bool)
        case ValueType.NUMBER:
            return isinstance(value, int | float) and not isinstance(value, bool)
        case ValueType.BOOLEAN:
            return isinstance(value, bool)
        case ValueType.ARRAY:
            return isinstance(value, list)
        case ValueType.OBJECT:
            return isinstance(value, dict)
        case ValueType.DATE:
            return isinstance(value, str) and _parses(date.fromisoformat, value) and len(value) == len("2026-01-31")
        case ValueType.DATETIME:
            return isinstance(value, str) and "T" in value.upper() and _aware(value)
        case ValueType.DURATION:
            return isinstance(value, str) and _DURATION.fullmatch(value) is not None


def output_faults(outputs: Mapping[str, Any], declared: Mapping[str, ValueType]) -> list[str]:
    """Return what is wrong with an attempt's outputs, a sentence each; empty when all is well."""
    faults = [f"output '{name}' was declared and is missing" for name in declared if name not in outputs]
    for name, kind in declared.items():
        if name in outputs and not fits(outputs[name], kind):
            faults.append(f"output '{name}' must be of type {kind}, and is {_shown(outputs[name])}")
    return faults


def _parses(parse: Any, text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _aware(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
