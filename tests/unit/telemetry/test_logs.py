"""The process's own log as JSON."""

import json
import logging
import sys
from datetime import datetime
from typing import Any

from engine.telemetry.context import TraceContext, within
from engine.telemetry.instruments import LOG_RECORDS
from engine.telemetry.logs import FIELDS, Counting, JsonFormatter, about, about_attempt
from tests.recorded import Recorded


def written(message: str = "run %s is late", *args: object, **more: Any) -> dict[str, Any]:
    exc_info = more.pop("exc_info", None)
    record = logging.LogRecord("engine.x", logging.WARNING, __file__, 1, message, args, exc_info)
    record.__dict__.update(more)
    entry = json.loads(JsonFormatter().format(record))
    assert entry.keys() <= FIELDS.keys()
    return entry


def test_a_record_says_when_who_how_and_what() -> None:
    entry = written("run %s is late", "ä\n")
    moment = datetime.fromisoformat(entry.pop("time"))
    assert moment.utcoffset() is not None
    assert entry == {"level": "warning", "logger": "engine.x", "message": "run ä\n is late"}


def test_a_record_says_what_it_is_about() -> None:
    context = TraceContext("ab" * 16, "cd" * 8)
    with within(context), about(run="r1", task="extract"), about(attempt="r1-0:1"):
        inner = written(run="r2")
    assert {name: inner[name] for name in ("trace_id", "span_id", "run", "task", "attempt")} == {
        "trace_id": "ab" * 16,
        "span_id": "cd" * 8,
        "run": "r2",
        "task": "extract",
        "attempt": "r1-0:1",
    }
    assert "run" not in written()


def test_the_engine_says_which_run_and_trace_it_speaks_of() -> None:
    said = about_attempt("01890000-0000-7000-8000-000000000001-0:1", {})
    entry = written(**said)
    assert {name: entry[name] for name in said} == said
    assert entry["trace_id"] == "033b30e54baecff08858be7080bee18c"


def test_an_exception_is_one_field() -> None:
    try:
        raise ValueError("no")
    except ValueError:
        entry = written("failed", exc_info=sys.exc_info())
    assert entry["error"].endswith("ValueError: no")


def test_records_are_counted_by_level() -> None:
    counted = Recorded(LOG_RECORDS)
    log = logging.getLogger("tests.counted")
    log.addHandler(Counting())
    log.warning("one")
    log.error("two")
    log.handlers.clear()
    assert counted.since() == {("warning",): (0, 1), ("error",): (0, 1)}
