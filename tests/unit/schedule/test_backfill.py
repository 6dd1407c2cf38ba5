"""The nominal times of a range that has passed."""

import re
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from dsl.model import CronTrigger, EveryTrigger
from engine.backfilling import Policy, Why
from engine.machine.states import RunState
from engine.schedule import fires_between, past_times
from engine.schedule.backfill import Newest, decide
from tests.unit.schedule.scanner import utc

ANCHOR = utc("2026-03-01")


def texts(times: tuple[datetime, ...]) -> list[str]:
    return [f"{time:%m-%dT%H:%M}" for time in times]


def test_a_cron_has_the_times_that_it_would_have_fired_at() -> None:
    trigger = CronTrigger(expressions=("30 2 * * *",), timezone="Europe/Berlin", jitter_seconds=600.0)
    found = past_times(trigger, utc("2026-03-28"), utc("2026-03-31"), 10, ANCHOR)
    assert texts(found) == ["03-28T01:30", "03-29T01:00", "03-30T00:30"]


def test_the_end_is_left_out_and_the_limit_kept() -> None:
    trigger = CronTrigger(expressions=("0 * * * *",))
    assert len(past_times(trigger, utc("2026-01-01"), utc("2026-01-02"), 100, ANCHOR)) == 24
    assert texts(past_times(trigger, utc("2026-01-01"), utc("2026-01-02"), 2, ANCHOR)) == ["01-01T00:00", "01-01T01:00"]


def test_a_fixed_rate_keeps_its_phase_before_it_was_first_active() -> None:
    anchor = datetime(2026, 3, 1, 12, 10, tzinfo=UTC)
    found = past_times(EveryTrigger(every_seconds=3600), utc("2026-02-28"), utc("2026-03-01"), 3, anchor)
    assert texts(found) == ["02-28T00:10", "02-28T01:10", "02-28T02:10"]


def test_a_fixed_rate_with_a_start_has_none_before_it() -> None:
    trigger = EveryTrigger(
        every_seconds=3600, starts_at=utc("2026-02-28"), ends_at=utc("2026-02-28") + timedelta(hours=2)
    )
    assert texts(past_times(trigger, utc("2026-02-01"), utc("2026-03-01"), 9, ANCHOR)) == ["02-28T00:00", "02-28T01:00"]


@given(
    st.integers(1, 200_000).map(float),
    st.integers(-10_000_000, 10_000_000),
    st.integers(0, 3_000_000),
)
def test_a_fixed_rate_is_one_grid_on_both_sides_of_its_first_activation(every: float, offset: int, span: int) -> None:
    trigger, start = EveryTrigger(every_seconds=every), ANCHOR + timedelta(seconds=offset)
    found = past_times(trigger, start, start + timedelta(seconds=span), 50, ANCHOR)
    period = timedelta(seconds=every)
    assert all(
        (time - ANCHOR) % period == timedelta(0) and start <= time < start + timedelta(seconds=span) for time in found
    )
    assert len(found) == len(list(islice(_grid(start, start + timedelta(seconds=span), period), 50)))


def _grid(start: datetime, end: datetime, period: timedelta):
    moment = start + (ANCHOR - start) % period
    while moment < end:
        yield moment
        moment += period


@given(st.integers(0, 400), st.integers(1, 60))
def test_from_its_first_activation_on_it_is_what_fires(days: int, span: int) -> None:
    start = ANCHOR + timedelta(days=days)
    for trigger in (EveryTrigger(every_seconds=7 * 3600), CronTrigger(expressions=("15 */5 * * *",))):
        live = [item.nominal for item in fires_between(trigger, start, start + timedelta(days=span), 100, ANCHOR)]
        assert list(past_times(trigger, start, start + timedelta(days=span), 100, ANCHOR)) == live


PAGE = Path("docs/backfill.md").read_text(encoding="utf-8")
STATES = {
    "none: never fired, missed, or skipped by its `if`": (None,),
    "skipped (its concurrency limit was reached)": (RunState.SKIPPED,),
    "failed or cancelled": (RunState.FAILED, RunState.CANCELLED),
    "succeeded": (RunState.SUCCEEDED,),
    "queued or running": (RunState.QUEUED, RunState.RUNNING),
}


def test_the_policies_do_what_the_page_says() -> None:
    rows = re.findall(r"^\| (.*?) \| (run)? ?\| (run)? ?\| (run)? ?\|$", PAGE, re.MULTILINE)
    assert [row[0] for row in rows] == list(STATES)
    seen = set()
    for said, *wanted in rows:
        for state in STATES[said]:
            seen.add(state)
            newest = None if state is None else Newest("r", state)
            found = [decide(policy, ANCHOR, newest, None).runs for policy in Policy]
            assert found == [bool(word) for word in wanted], state
    assert seen == {None, *RunState}


def test_what_the_schedule_is_about_to_fire_is_left_to_it() -> None:
    assert decide(Policy.ALL, ANCHOR, None, ANCHOR).why is Why.UPCOMING
    assert decide(Policy.ALL, ANCHOR, None, ANCHOR + timedelta(seconds=1)).why is Why.MISSING


def test_a_decision_says_why() -> None:
    said = decide(Policy.MISSING, ANCHOR, Newest("r1", "failed"), None).message
    assert said == "its newest run did not succeed: run r1 failed"
    assert decide(Policy.MISSING, ANCHOR, None, None).message == "nothing ran for it"
    assert all(decide(Policy.ALL, ANCHOR, Newest("r1", state), None).message.count("r1") == 1 for state in RunState)
