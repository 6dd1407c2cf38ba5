"""Each invariant, broken on purpose, is found; a right database breaks none."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from engine.store.database import Database
from engine.store.invariants import INVARIANTS, check
from tests.contract.store.conftest import NOW
from tests.contract.store.rows import BACKFILL, LONG_AGO, RUN, add, world

OTHER = "01890000-0000-7000-8000-0000000000ff"
ENDED = {"state": "succeeded", "finished_at": LONG_AGO}


def _ended_session(connection: Connection) -> None:
    add(connection, "workflows")
    add(connection, "revisions")
    add(connection, "runs")
    add(connection, "run_data")
    add(connection, "task_runs")
    add(connection, "sessions", ended_at=LONG_AGO)


def _signal(connection: Connection) -> None:
    world(connection)
    add(connection, "signals", due_at=LONG_AGO)


def _holder(connection: Connection, **values: object) -> None:
    add(connection, "resources")
    add(connection, "holders", **values)


def _holder_of_ended(connection: Connection) -> None:
    world(connection, run=ENDED, task={"state": "succeeded"})
    _holder(connection)


def _holder_of_nobody(connection: Connection) -> None:
    world(connection)
    _holder(connection, run_id=OTHER)


def _over_capacity(connection: Connection) -> None:
    world(connection)
    _holder(connection)
    add(connection, "holders", task_run_id="x", position=2)


def _attempt_gap(connection: Connection) -> None:
    world(connection, task={"attempt": 3})
    add(connection, "attempts", number=2)


def _succeeded_twice(connection: Connection) -> None:
    world(connection, task={"attempt": 2})
    add(connection, "attempts", number=1, state="succeeded")
    add(connection, "attempts", number=2, state="succeeded")


def _firing(connection: Connection) -> None:
    world(connection)
    add(connection, "firings", run_id=OTHER)


def _overdue_trigger(connection: Connection) -> None:
    world(connection)
    add(connection, "triggers", next_at=LONG_AGO, next_fire_time=LONG_AGO)


def _run_of_backfill(connection: Connection, **values: object) -> None:
    world(connection, run={"backfill_id": BACKFILL})
    add(connection, "backfills", **values)


def _log_gap(connection: Connection) -> None:
    world(connection)
    add(connection, "log_batches", pos=2)


def _no_revision(connection: Connection) -> None:
    add(connection, "workflows", active_revision_id=OTHER)


def _no_data(connection: Connection) -> None:
    add(connection, "workflows")
    add(connection, "revisions")
    add(connection, "runs", state="queued", started_at=None)


BROKEN: dict[str, Callable[[Connection], None]] = {
    "running-without-lease": _ended_session,
    "running-without-claim": lambda c: world(c, task={"claim_id": None}),
    "live-task-of-ended-run": lambda c: world(c, run=ENDED),
    "stuck-run": lambda c: world(c, task={"state": "succeeded"}),
    "run-without-data": _no_data,
    "ended-without-time": lambda c: world(c, run={"finished_at": LONG_AGO}),
    "queued-and-forgotten": lambda c: world(c, task={"state": "queued", "claim_id": None, "session": None}),
    "waiting-without-timer": lambda c: world(c, task={"state": "waiting"}),
    "lock-without-line": lambda c: world(c, task={"state": "waiting", "reason": "lock"}),
    "child-run-missing": lambda c: world(c, task={"kind": "workflow", "claim_id": None, "session": None}),
    "signal-overdue": _signal,
    "holder-of-ended-run": _holder_of_ended,
    "holder-of-nobody": _holder_of_nobody,
    "over-capacity": _over_capacity,
    "limited-run-without-slot": lambda c: world(c, run={"concurrency_resource": "r"}),
    "attempts-add-up": _attempt_gap,
    "succeeded-twice": _succeeded_twice,
    "firing-without-run": _firing,
    "run-without-firing": lambda c: world(c, run={"trigger_kind": "cron", "trigger_name": "t"}),
    "backfill-done": lambda c: _run_of_backfill(c, state="finished"),
    "backfill-adds-up": lambda c: _run_of_backfill(c, made=2, total=2),
    "trigger-overdue": _overdue_trigger,
    "log-gap": _log_gap,
    "active-revision": _no_revision,
    "revision-wanted": lambda c: world(c, workflow={"revision_count": 2}),
    "archived-and-held": lambda c: world(c, workflow={"archived_at": LONG_AGO, "restored_at": LONG_AGO}),
}


def test_every_invariant_has_a_case() -> None:
    assert {invariant.name for invariant in INVARIANTS} == set(BROKEN)


def test_a_right_database_breaks_none(database: Database) -> None:
    with database.write() as connection:
        world(connection, run={"concurrency_resource": "r", "backfill_id": BACKFILL})
        add(connection, "backfills")
        _holder(connection)
        add(connection, "signals")
        add(connection, "log_batches")
        add(connection, "triggers", next_at=NOW + timedelta(hours=1))
        add(connection, "firings", run_id=RUN)
    with database.read() as connection:
        assert check(connection, NOW) == []


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_what_is_broken_on_purpose_is_found(database: Database, name: str) -> None:
    with database.write() as connection:
        BROKEN[name](connection)
    with database.read() as connection:
        assert name in [violation.invariant.name for violation in check(connection, NOW)]
