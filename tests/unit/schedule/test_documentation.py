"""The tables of times in docs/schedules.md are what the schedules do."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from dsl.durations import parse_duration
from dsl.model import CronTrigger, EveryTrigger, Schedule
from engine.schedule import fires_between
from engine.schedule.catchup import CATCHUP_FIRINGS_MAX, IN_TIME, SETTLED_MAX, STALL
from tests.unit.schedule.scanner import utc

PAGE = Path(__file__).parents[3] / "docs" / "schedules.md"
_TABLE = re.compile(r"<!-- times (?P<facts>[^>]+) -->\n(?P<table>(?:\|.*\n)+)")


def _examples() -> Iterator[tuple[Schedule, datetime, datetime, str]]:
    for found in _TABLE.finditer(PAGE.read_text("utf-8")):
        facts = dict(fact.split("=") for fact in found["facts"].split())
        header, _, *rows = (
            [cell.strip(" `") for cell in line.split("|")[1:-1]] for line in found["table"].splitlines()
        )
        for row in rows:
            cells = dict(zip(header, row, strict=True))
            yield _trigger(facts, cells), utc(facts["from"]), utc(facts["to"]), cells["fires (UTC)"]


def _trigger(facts: dict[str, str], cells: dict[str, str]) -> Schedule:
    if "every" in cells:
        return EveryTrigger(every_seconds=parse_duration(cells["every"]), starts_at=utc(facts["starts_at"]))
    return CronTrigger(
        expressions=(cells["cron"],),
        timezone=facts.get("timezone", "UTC"),
        gap=cells.get("gap", "shift"),
        overlap=cells.get("overlap", "first"),
    )


EXAMPLES = list(_examples())


@pytest.mark.parametrize(("trigger", "start", "end", "said"), EXAMPLES)
def test_times_are_as_documented(trigger: Schedule, start: datetime, end: datetime, said: str) -> None:
    *times, last = said.split(", ")
    times += [] if last == "…" else [last]
    found = [f"{item.nominal:%Y-%m-%dT%H:%M:%SZ}" for item in fires_between(trigger, start, end, 100)]
    assert found[: len(times)] == times
    assert (len(found) > len(times)) == (last == "…")


def test_the_page_has_its_tables_and_figures() -> None:
    assert len(EXAMPLES) == 21
    assert (IN_TIME.total_seconds(), STALL.total_seconds(), CATCHUP_FIRINGS_MAX, SETTLED_MAX) == (60, 5, 100, 200)
