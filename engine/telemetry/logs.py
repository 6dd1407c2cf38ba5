"""A process's own log as JSON: one object a line, with the trace, run and task it is about where they are known."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from engine.telemetry import spans
from engine.telemetry.context import here
from engine.telemetry.instruments import LOG_RECORDS

FIELDS: Final[Mapping[str, str]] = {
    "time": "when, in UTC, as RFC 3339 has it",
    "level": "`debug`, `info`, `warning`, `error` or `critical`",
    "logger": "the part of the program that speaks",
    "message": "what it says",
    "error": "the traceback, where there was an exception",
    "trace_id": "the trace that it belongs to, in hex",
    "span_id": "the span within it",
    "run": "the run's id",
    "task": "the task's name in its file",
    "attempt": "the attempt, as `<task run>:<number>`",
}
"""Every field of a record; those from `error` on are left out where they are not known."""

_OF_WHAT: Final = ("trace_id", "span_id", "run", "task", "attempt")

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_bound: ContextVar[Mapping[str, str]] = ContextVar("log_fields", default=_NOTHING)


@contextmanager
def about(**fields: str) -> Iterator[None]:
    """Have what this thread, or task, logs meanwhile say what it is about; names are those of `FIELDS`."""
    token = _bound.set({**_bound.get(), **fields})
    try:
        yield
    finally:
        _bound.reset(token)


def about_run(run_id: str, carrier: Mapping[str, str]) -> dict[str, str]:
    """Return a record's `extra` about a run. `carrier` is what made the run."""
    return {"run": run_id, "trace_id": spans.of_run(run_id, carrier).trace_id}


def about_attempt(name: str, carrier: Mapping[str, str]) -> dict[str, str]:
    """Return a record's `extra` about an attempt. `carrier` is what made its run."""
    return {**about_run(name[: spans.RUN_ID_LENGTH], carrier), "attempt": name}


class JsonFormatter(logging.Formatter):
    """One JSON object a line. What a record's `extra` says wins over what was said by `about`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return json.dumps(entry | _of_what(record), ensure_ascii=False)


class Counting(logging.Handler):
    """Counts records by level."""

    def emit(self, record: logging.LogRecord) -> None:
        """Count the record."""
        LOG_RECORDS.add(1, record.levelname.lower())


def _of_what(record: logging.LogRecord) -> dict[str, str]:
    context = here()
    found = {} if context is None else {"trace_id": context.trace_id, "span_id": context.span_id}
    found |= _bound.get()
    return {name: str(value) for name in _OF_WHAT if (value := getattr(record, name, found.get(name)))}
