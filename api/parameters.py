"""Parameters of requests, read and checked. What is wrong names its place and the remedy."""

import re
import uuid
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.params import HeaderParameter, ParameterKwarg, QueryParameter

from api.problems import BAD_PARAMETER, RefusedError
from api.schemas.problems import FieldFault
from engine.services.refusals import UnknownError

T = TypeVar("T")

PAGE_SIZE: Final = 50
PAGE_SIZE_MAX: Final = 200
KEY_LENGTH_MAX: Final = 200

PLACE: Final = re.compile(r"(\d{1,9})\.(-1|\d{1,9})", re.ASCII)

Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_SIZE_MAX, description="How many items a page has at most.")]
Cursor = Annotated[str | None, QueryParameter(description="`next` of the page before.")]
Labels = Annotated[list[str] | None, QueryParameter(name="label", description="`key:value`; all must match.")]
Moment = Annotated[str | None, QueryParameter(description="RFC 3339 with an offset, e.g. `2026-01-31T12:00:00Z`.")]
IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key", description="A name drawn for this request; sent again, it is carried out once (24 h)."
    ),
]


def refused(place: str, message: str, hint: str) -> RefusedError:
    """Return the refusal of one parameter."""
    fault = FieldFault(place=place, message=message, hint=hint)
    return RefusedError(BAD_PARAMETER, f"{place}: {message}\n  hint: {hint}", [fault])


def read_moment(name: str, text: str | None) -> datetime | None:
    """Return the moment that a query parameter says. Raises `RefusedError`."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))  # a plus that nobody quoted arrives as a space
    except ValueError as error:
        raise refused(f"query.{name}", f"{text!r} is not a time", "write it as 2026-01-31T12:00:00Z") from error
    if moment.tzinfo is None:
        raise refused(f"query.{name}", f"{text!r} has no offset from UTC", f"write {text}Z for UTC")
    return moment.astimezone(UTC)


def read_labels(given: list[str] | None) -> list[tuple[str, str]]:
    """Return the labels that must match. Raises `RefusedError`."""
    labels = []
    for text in given or []:
        key, colon, value = text.partition(":")
        if not colon or not key:
            raise refused("query.label", f"{text!r} is not key:value", "write label=team:data; repeat it for more")
        labels.append((key, value))
    return labels


def read_workflow(text: str) -> tuple[str, str]:
    """Return namespace and name. Raises `RefusedError`."""
    namespace, slash, name = text.partition("/")
    if not slash or not namespace or not name or "/" in name:
        raise refused("query.workflow", f"{text!r} does not name a workflow", "write workflow=namespace/name")
    return namespace, name


def read_uuid(place: str, text: str, hint: str) -> str:
    """Return a UUID in its usual form. Raises `RefusedError`."""
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise refused(place, f"{text!r} is not a UUID", hint) from error


def run_id(text: str) -> str:
    """Return a run's id from a path. Raises `RefusedError`."""
    return read_uuid("path.run_id", text, "GET /api/v1/runs lists runs with their ids")


def backfill_id(place: str, text: str) -> str:
    """Return a backfill's id. Raises `RefusedError`."""
    return read_uuid(place, text, "GET /api/v1/backfills lists backfills with their ids")


def cursor_id(text: str | None) -> str | None:
    """Return the id in a cursor. Raises `RefusedError`."""
    return None if text is None else read_uuid("query.cursor", text, "take it from `next` of the page before")


def cursor_number(text: str | None) -> int | None:
    """Return the number in a cursor. Raises `RefusedError`."""
    if text is None:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise refused("query.cursor", f"{text!r} is not a cursor", "take it from `next` of the page before")
    return int(text)


def cursor_place(text: str | None) -> tuple[int, int] | None:
    """Return the two numbers in a cursor of task runs. Raises `RefusedError`."""
    if text is None:
        return None
    found = PLACE.fullmatch(text)
    if found is None:
        raise refused("query.cursor", f"{text!r} is not a cursor", "take it from `next` of the page before")
    return int(found[1]), int(found[2])


def read_key(text: str | None) -> str | None:
    """Return the idempotency key. Raises `RefusedError` for an empty, long or unprintable one."""
    if text is None:
        return None
    if not 0 < len(text) <= KEY_LENGTH_MAX or not text.isprintable():
        raise refused("header.Idempotency-Key", "is empty, too long or not printable", "a fresh UUID does well")
    return text


def found(row: T | None, what: str) -> T:
    """Return the row. Raises `UnknownError` for None."""
    if row is None:
        raise UnknownError(f"there is no {what}")
    return row


def page(rows: list[T], limit: int) -> tuple[list[T], bool]:
    """Return one page of rows that were read with one more than `limit`, and whether more follow."""
    return rows[:limit], len(rows) > limit


def known_parameters(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Refuse a query parameter that the handler does not have: a misspelt filter would answer what was not asked."""
    if "\0" in connection.scope["path"] or b"%00" in connection.scope["query_string"]:
        raise refused("path or query", "holds the character U+0000", "no name and no value has it")
    if not isinstance(connection, Request) or not connection.scope["query_string"]:
        return
    known = _query_names(handler)
    for name in connection.query_params:
        if name not in known:
            listed = ", ".join(sorted(known)) or "none"
            raise refused(f"query.{name}", "is not a parameter of this path", f"its parameters are: {listed}")


def _query_names(handler: BaseRouteHandler) -> set[str]:
    names = set()
    for name, definition in handler.parsed_fn_signature.parameters.items():
        declared = definition.kwarg_definition
        if isinstance(declared, ParameterKwarg) and isinstance(declared, QueryParameter):
            names.add(declared.name or name)
    return names
