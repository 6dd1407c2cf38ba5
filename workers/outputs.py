"""The file in which a task leaves its outputs, and the types that were declared for them.

Written are `name=value` lines, `name<<END` blocks up to a line `END`, or one JSON object. Lines and blocks give
strings, which take the declared type; a JSON object's values must fit it. Names that were not declared stay as they
are. What was declared must be there.
"""

import math
import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, TypeVar, assert_never

import msgspec

from dsl.durations import parse_duration
from dsl.model import ValueType
from dsl.times import parse_time
from engine.broker.messages import OUTPUTS_BYTES_MAX

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_T = TypeVar("_T")
_BOOLEANS = {"true": True, "false": False}


class OutputError(ValueError):
    """The outputs cannot be used; the message names the line or the output, and what was expected."""


def read(path: Path, declared: Mapping[str, str]) -> dict[str, Any]:
    """Return the outputs in the file (none if it is not there), with their declared types. Raises `OutputError`."""
    try:
        with path.open("rb") as file:
            data = file.read(OUTPUTS_BYTES_MAX + 1)
    except FileNotFoundError:
        data = b""
    except OSError as error:
        raise OutputError(f"the outputs cannot be read: {error.strerror}") from error
    return typed(parse(data), declared)


def parse(data: bytes) -> dict[str, Any]:
    """Return what the file's content says. Raises `OutputError`."""
    if len(data) > OUTPUTS_BYTES_MAX:
        raise OutputError(f"the outputs are larger than {OUTPUTS_BYTES_MAX // 1024} KiB")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise OutputError(f"line {line} of the outputs is not UTF-8") from error
    return _parse_object(text) if text.lstrip().startswith("{") else _parse_lines(text)


def typed(values: Mapping[str, Any], declared: Mapping[str, str]) -> dict[str, Any]:
    """Return the values with the declared types. Raises `OutputError`."""
    missing = [name for name in declared if name not in values]
    if missing:
        raise OutputError(f"declared but not written: {', '.join(missing)}")
    result = {
        name: coerce(name, value, ValueType(declared[name])) if name in declared else value
        for name, value in values.items()
    }
    if len(msgspec.json.encode(result)) > OUTPUTS_BYTES_MAX:
        raise OutputError(f"the outputs are larger than {OUTPUTS_BYTES_MAX // 1024} KiB")
    return result


def coerce(name: str, value: Any, wanted: ValueType) -> Any:
    """Return the value as the wanted type; a string is read as it. Raises `OutputError`."""
    try:
        return _convert(value, wanted)
    except ValueError as error:
        shown = msgspec.json.encode(value).decode()
        shown = shown if len(shown) <= 60 else shown[:57] + "…"
        raise OutputError(f"output '{name}': {shown} is not of type {wanted}") from error


def _parse_object(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise OutputError(f"the outputs begin with '{{' but are not one JSON object: {error}") from error


def _parse_lines(text: str) -> dict[str, Any]:
    result: dict[str, Any] = {}
    lines = iter(enumerate(text.split("\n"), start=1))
    for number, raw in lines:
        line = raw.removesuffix("\r")
        if not line.strip():
            continue
        match = _NAME.match(line)
        rest = line[match.end() :] if match else ""
        if match and rest.startswith("="):
            result[match.group()] = rest[1:]
        elif match and rest.startswith("<<") and rest[2:].strip():
            result[match.group()] = _block(lines, rest[2:].strip(), number)
        else:
            raise OutputError(f"line {number} of the outputs is neither `name=value` nor `name<<END`")
    return result


def _block(lines: Iterator[tuple[int, str]], end: str, opened_at: int) -> str:
    content: list[str] = []
    for _, raw in lines:
        if raw.removesuffix("\r") == end:
            return "\n".join(content)
        content.append(raw)
    raise OutputError(f"the block opened at line {opened_at} of the outputs has no line `{end}`")


def _convert(value: Any, wanted: ValueType) -> Any:
    match wanted:
        case ValueType.STRING:
            return _instance(value, str)
        case ValueType.INTEGER:
            return _integer(value)
        case ValueType.NUMBER:
            return _number(value)
        case ValueType.BOOLEAN:
            return _boolean(value)
        case ValueType.DATE:
            return date.fromisoformat(_instance(value, str).strip()).isoformat()
        case ValueType.DATETIME:
            return parse_time(_instance(value, str).strip()).isoformat()
        case ValueType.DURATION:
            return _duration(_instance(value, str).strip())
        case ValueType.ARRAY:
            return _instance(_decoded(value), list)
        case ValueType.OBJECT:
            return _instance(_decoded(value), dict)
        case _:
            assert_never(wanted)


def _instance(value: Any, kind: type[_T]) -> _T:
    if not isinstance(value, kind):
        raise ValueError(f"not a {kind.__name__}")
    return value


def _decoded(value: Any) -> Any:
    return msgspec.json.decode(value) if isinstance(value, str) else value


def _integer(value: Any) -> int:
    number = int(value.strip()) if isinstance(value, str) else value
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int) or not -(2**63) <= number < 2**63:
        raise ValueError("not a 64-bit integer")
    return number


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("not a number")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("not a finite number")
    return number


def _boolean(value: Any) -> bool:
    return _instance(_BOOLEANS.get(value.strip().lower()) if isinstance(value, str) else value, bool)


def _duration(text: str) -> str:
    parse_duration(text)
    return text
