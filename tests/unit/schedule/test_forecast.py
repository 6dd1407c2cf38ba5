"""A forecast has every firing once and in order, and does what each kind of concurrency limit would do."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.model import Concurrency, CronTrigger, EveryTrigger, Overlap, Task, WebhookTrigger, Workflow
from engine.schedule import fires_between
from engine.schedule.forecast import Effect, Forecast, forecast
from engine.schedule.timeline import timeline

START = datetime(2026, 3, 28, tzinfo=UTC)
HOUR = timedelta(hours=1)
TASKS = {"a": Task(id="a", kind="run", spec={})}


def workflow(name="w", concurrency=None, timeout=None, **triggers) -> Workflow:
    return Workflow(name=name, tasks=TASKS, triggers=triggers, concurrency=concurrency, timeout_seconds=timeout)


def hourly(overlap: Overlap, limit: int = 1, minutes: int = 90, hours: int = 4) -> Forecast:
    one = workflow(concurrency=Concurrency(limit=limit, overlap=overlap), t=EveryTrigger(every_seconds=3600))
    return forecast([one], START, START + hours * HOUR, 100, minutes * 60)


def shape(found: Forecast) -> list[tuple[str, float | None, float | None]]:
    def hours(moment: datetime | None) -> float | None:
        return None if moment is None else (moment - START) / HOUR

    return [(item.effect.value, hours(item.start), hours(item.end)) for item in found.firings]


def test_queue_waits_for_the_one_before() -> None:
    assert shape(hourly(Overlap.QUEUE)) == [
        ("starts", 0, 1.5), ("waits", 1.5, 3), ("waits", 3, 4.5), ("waits", 4.5, 6),
    ]  # fmt: skip


def test_queue_with_two_places() -> None:
    assert shape(hourly(Overlap.QUEUE, limit=2, minutes=150)) == [
        ("starts", 0, 2.5), ("starts", 1, 3.5), ("waits", 2.5, 5), ("waits", 3.5, 6),
    ]  # fmt: skip


def test_skip_makes_no_run() -> None:
    assert shape(hourly(Overlap.SKIP)) == [
        ("starts", 0, 1.5), ("skipped", None, None), ("starts", 2, 3.5), ("skipped", None, None),
    ]  # fmt: skip


def test_cancel_running_stops_the_oldest() -> None:
    assert shape(hourly(Overlap.CANCEL_RUNNING, hours=3)) == [
        ("starts", 0, 1), ("replaces", 1, 2), ("replaces", 2, 3.5),
    ]  # fmt: skip


def test_a_run_that_ends_as_the_next_fires_does_not_collide() -> None:
    assert all(item.effect is Effect.STARTS for item in hourly(Overlap.SKIP, minutes=60).firings)


def test_skipped_local_time_and_jitter_are_told() -> None:
    nightly = CronTrigger(expressions=("30 2 * * *",), timezone="Europe/Berlin", jitter_seconds=120)
    found = forecast([workflow(n=nightly)], START, START + 48 * HOUR, 10)
    assert [(item.nominal, item.shifted) for item in found.firings] == [
        (datetime(2026, 3, 28, 1, 30, tzinfo=UTC), False),
        (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), True),
    ]
    assert {item.jitter_seconds for item in found.firings} == {120}


def test_what_is_assumed_is_named() -> None:
    anchored = EveryTrigger(every_seconds=60, starts_at=START)
    limited = workflow(
        concurrency=Concurrency(), a=EveryTrigger(every_seconds=60), b=anchored, hook=WebhookTrigger(secret="S")
    )
    found = forecast([limited], START, START + HOUR, 5)
    assert found.unanchored == ("default/w/a",)
    assert found.unlimited == ("default/w",)
    assert found.truncated
    assert {item.trigger for item in found.firings} == {"a", "b"}
    assert forecast([limited], START, START + HOUR, 5, 60).unlimited == ()


def test_what_is_left_out_is_counted_up_to_a_bound() -> None:
    often = workflow(t=EveryTrigger(every_seconds=1))
    assert forecast([often], START, START + HOUR, 100).left_out_shown == "3,500"
    assert forecast([often], START, START + 24 * HOUR, 100).left_out_shown == "at least 10,000"


def test_a_constant_key_is_no_different_from_none() -> None:
    given = {"t": EveryTrigger(every_seconds=3600)}
    keys = {key: workflow(concurrency=Concurrency(key=key), **given) for key in ("one", "$${{ x }}", "${{ inputs.x }}")}
    found = {key: forecast([item], START, START + HOUR, 5, 60).keyed for key, item in keys.items()}
    assert found == {"one": (), "$${{ x }}": (), "${{ inputs.x }}": ("default/w",)}


def test_endless_waiting_ends_with_the_calendar() -> None:
    found = hourly(Overlap.QUEUE, minutes=3650 * 24 * 60, hours=2000)
    assert len(found.firings) == 100
    found = forecast(
        [workflow(concurrency=Concurrency(), timeout=3650 * 86_400, t=EveryTrigger(every_seconds=3600))],
        START, START + 2000 * HOUR, 2000,
    )  # fmt: skip
    assert found.firings[-1].end == datetime.max.replace(tzinfo=UTC)


@given(st.lists(st.integers(60, 9000), min_size=1, max_size=4), st.integers(1, 40), st.sampled_from(Overlap))
def test_every_firing_once_in_order_and_never_more_at_once_than_the_limit(periods, limit, overlap) -> None:
    triggers = {f"t{number}": EveryTrigger(every_seconds=seconds) for number, seconds in enumerate(periods)}
    both = [workflow(name, Concurrency(limit=2, overlap=overlap), **triggers) for name in ("one", "two")]
    end = START + 3 * HOUR
    found = forecast(both, START, end, limit, 5000)
    nominal = [item.nominal for item in found.firings]
    every = sorted(
        firing.nominal for trigger in triggers.values() for firing in fires_between(trigger, START, end, 200) * 2
    )
    assert nominal == every[:limit]
    assert found.left_out == max(len(every) - limit, 0)
    for name in ("default/one", "default/two"):
        runs = [item for item in found.firings if item.workflow == name and item.start is not None]
        for item in runs:
            assert sum(other.start <= item.start < other.end for other in runs) <= 2


@pytest.mark.parametrize("overlap", Overlap)
def test_the_timeline_is_well_formed_with_a_bar_for_each_firing(overlap: Overlap) -> None:
    found = hourly(overlap)
    drawn = timeline(found, START, START + 4 * HOUR)
    bars = [item.get("class") for item in ET.fromstring(drawn).iter("{http://www.w3.org/2000/svg}rect")][1:]
    assert bars == [item.effect.value for item in found.firings]
    assert "http" not in drawn.replace('xmlns="http://www.w3.org/2000/svg"', "")


def test_a_timeline_of_nothing_is_well_formed() -> None:
    ET.fromstring(timeline(forecast([], START, START + HOUR, 5), START, START + HOUR))
