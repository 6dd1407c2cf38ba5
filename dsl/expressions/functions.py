"""The functions that expressions have beside CEL's own.

- `time.date()`, `time.date(zone)`: the day of a time, as text, in UTC or in a time zone
- `toJson(value)`: any value as JSON text
- `parseJson(text)`: the value that a JSON text holds
"""

import json
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cel_expr_python import cel

from dsl.expressions.json_values import parse_json, to_json

OWN_FUNCTIONS: Final = ("date", "toJson", "parseJson")

_JSON_TYPES: Final = {
    "map": cel.Type.Map(cel.Type.DYN, cel.Type.DYN),
    "list": cel.Type.List(cel.Type.DYN),
    "string": cel.Type.STRING,
    "int": cel.Type.INT,
    "uint": cel.Type.UINT,
    "double": cel.Type.DOUBLE,
    "bool": cel.Type.BOOL,
    "null": cel.Type.NULL,
    "timestamp": cel.Type.TIMESTAMP,
    "duration": cel.Type.DURATION,
    "bytes": cel.Type.BYTES,
}
"""One overload a type: the library chooses by the value's own type, also where `dyn` was declared."""


def declarations() -> list[cel.FunctionDecl]:
    """Return the functions as the library takes them."""
    text, moment = cel.Type.STRING, cel.Type.TIMESTAMP
    return [
        cel.FunctionDecl(
            "date",
            [
                cel.Overload("timestamp_date", text, [moment], is_member=True, impl=_date),
                cel.Overload("timestamp_date_zone", text, [moment, text], is_member=True, impl=_date_in),
            ],
        ),
        cel.FunctionDecl("toJson", [_to_json_of(name, kind) for name, kind in _JSON_TYPES.items()]),
        cel.FunctionDecl("parseJson", [cel.Overload("parse_json_string", cel.Type.DYN, [text], impl=parse_json)]),
    ]


def _to_json_of(name: str, kind: cel.Type) -> cel.Overload:
    return cel.Overload(f"to_json_{name}", cel.Type.STRING, [kind], impl=_json_text)


def _json_text(value: Any) -> str:
    return json.dumps(to_json(value), ensure_ascii=False)


def _date(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()


def _date_in(moment: datetime, zone: str) -> str:
    try:
        return moment.astimezone(ZoneInfo(zone)).date().isoformat()
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # a folder of zones is an OSError
        raise ValueError(f"unknown time zone '{zone}'") from error
