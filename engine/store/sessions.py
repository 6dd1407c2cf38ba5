"""Workers' sessions: their leases, and what they hold."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.events import EventKind, Happening
from engine.machine.changes import NewSignal
from engine.machine.model import attempt_name
from engine.machine.states import TaskState
from engine.store.feed import enter
from engine.store.membership import one_of
from engine.store.signals import insert_signals
from engine.store.tables import OPEN_TASK_RUN, sessions, task_runs


@dataclass(frozen=True, slots=True)
class Beat:
    """What a heartbeat says of its session. `held` and `reattached` name attempts."""

    session: str
    worker: str
    host: str
    pools: tuple[str, ...]
    kinds: tuple[str, ...]
    slots: int
    reply_to: str
    draining: bool
    held: tuple[str, ...]
    reattached: frozenset[str]


@dataclass(frozen=True, slots=True)
class RunningAttempt:
    """An attempt that the database has running."""

    task_run_id: str
    attempt: int
    claim_id: str
    session: str
    worker: str
    run_id: str

    @property
    def name(self) -> str:
        """The attempt's name."""
        return attempt_name(self.task_run_id, self.attempt)


@dataclass(frozen=True, slots=True)
class AttemptStanding:
    """How an attempt that a worker says it holds stands in the database."""

    running: bool
    claim_id: str | None
    stop: bool


def renew(connection: Connection, beats: Sequence[Beat], now: datetime, ttl: timedelta) -> list[RunningAttempt]:
    """Renew the leases.

    A new session ends the older ones of its worker; return what these had running, but for what the new one has taken
    over.
    """
    known = set(
        connection.execute(
            select(sessions.c.id).where(
                sessions.c.id.in_([beat.session for beat in beats]), sessions.c.ended_at.is_(None)
            )
        ).scalars()
    )
    ended: list[RunningAttempt] = []
    for beat in beats:
        _upsert(connection, beat, now, ttl)
        if beat.session not in known:
            ended += _replace_older(connection, beat, now)
    enter(
        connection,
        [_joined(beat, now) for beat in {beat.session: beat for beat in beats if beat.session not in known}.values()],
    )
    return ended


def _joined(beat: Beat, now: datetime) -> Happening:
    data = {"worker": beat.worker, "host": beat.host, "session": beat.session, "pools": list(beat.pools)}
    return Happening(EventKind.WORKER_JOINED, now, data={**data, "slots": beat.slots})


def _upsert(connection: Connection, beat: Beat, now: datetime, ttl: timedelta) -> None:
    module = postgresql if connection.dialect.name == "postgresql" else sqlite
    moving: dict[str, Any] = {
        "reply_to": beat.reply_to,
        "draining": beat.draining,
        "seen_at": now,
        "expires_at": now + ttl,
        "ended_at": None,
    }
    fixed: dict[str, Any] = {
        "id": beat.session,
        "worker": beat.worker,
        "host": beat.host,
        "pools": list(beat.pools),
        "kinds": list(beat.kinds),
        "slots": beat.slots,
        "started_at": now,
    }
    upsert = module.insert(sessions).values(**fixed, **moving)
    connection.execute(upsert.on_conflict_do_update(index_elements=["id"], set_=moving))


def _replace_older(connection: Connection, beat: Beat, now: datetime) -> list[RunningAttempt]:
    older = select(sessions.c.id).where(
        sessions.c.worker == beat.worker, sessions.c.id < beat.session, sessions.c.ended_at.is_(None)
    )
    ids = list(connection.execute(older).scalars())
    return [row for row in end(connection, ids, now) if row.name not in beat.reattached]


def end(connection: Connection, session_ids: Sequence[str], now: datetime) -> list[RunningAttempt]:
    """End the sessions and return what they had running."""
    if not session_ids:
        return []
    connection.execute(update(sessions).where(sessions.c.id.in_(session_ids)).values(ended_at=now, expires_at=now))
    return running_of(connection, session_ids)


def expire(connection: Connection, now: datetime) -> list[RunningAttempt]:
    """End the sessions whose lease has run out and return what they had running."""
    out = select(sessions.c.id).where(sessions.c.ended_at.is_(None), sessions.c.expires_at <= now)
    return _gone(connection, list(connection.execute(out).scalars()), EventKind.WORKER_LOST, now)


def leave(connection: Connection, session: str, now: datetime) -> list[RunningAttempt]:
    """End the session of a worker that says so, and return what it had running."""
    return _gone(connection, [session], EventKind.WORKER_LEFT, now)


def _gone(connection: Connection, session_ids: Sequence[str], kind: EventKind, now: datetime) -> list[RunningAttempt]:
    if not session_ids:
        return []
    query = select(sessions.c.id, sessions.c.worker, sessions.c.host)
    rows = connection.execute(query.where(sessions.c.id.in_(session_ids), sessions.c.ended_at.is_(None)))
    told = [{"worker": row.worker, "host": row.host, "session": row.id} for row in rows]
    enter(connection, [Happening(kind, now, data=data) for data in told])
    return end(connection, session_ids, now)


def running_of(connection: Connection, session_ids: Sequence[str]) -> list[RunningAttempt]:
    """Return what the database has running for these sessions."""
    query = select_running().where(one_of(task_runs.c.session, session_ids))
    return [RunningAttempt(*row) for row in connection.execute(query)]


def attempts_of(
    connection: Connection, beats: Sequence[Beat]
) -> tuple[dict[str, list[RunningAttempt]], dict[str, AttemptStanding]]:
    """Return what the database has running, by session, and how what the sessions list stands, by attempt name."""
    running: dict[str, list[RunningAttempt]] = defaultdict(list)
    standing: dict[str, AttemptStanding] = {}
    for held in running_of(connection, [beat.session for beat in beats]):
        running[held.session].append(held)
    listed = {name.rpartition(":")[0] for beat in beats for name in beat.held}
    columns = (task_runs.c.id, task_runs.c.attempt, task_runs.c.state, task_runs.c.claim_id, task_runs.c.stop)
    query = select(*columns).where(one_of(task_runs.c.id, listed), task_runs.c.state.in_(["queued", "running"]))
    for row in connection.execute(query) if listed else ():
        is_running = row.state == TaskState.RUNNING
        standing[attempt_name(row.id, row.attempt)] = AttemptStanding(is_running, row.claim_id, row.stop)
    return running, standing


def select_running() -> Select[Any]:
    """Return the query of every attempt that a worker has running, in the order of `RunningAttempt`'s fields."""
    columns = (
        *(task_runs.c.id, task_runs.c.attempt, task_runs.c.claim_id),
        *(task_runs.c.session, task_runs.c.worker, task_runs.c.run_id),
    )
    held = task_runs.c.claim_id.is_not(None)  # not so fan-outs and child runs: no worker has them
    return select(*columns).where(task_runs.c.state == TaskState.RUNNING, OPEN_TASK_RUN, held)


def signal_lost(connection: Connection, lost: Iterable[RunningAttempt], now: datetime) -> set[str]:
    """Tell the runs that these attempts are lost; return the runs to wake."""
    rows = [
        (
            row.run_id,
            NewSignal(
                "lost",
                {"task_run_id": row.task_run_id, "claim_id": row.claim_id, "session": row.session},
                now,
                f"lost:{row.name}:{row.session}",
            ),
        )
        for row in lost
    ]
    insert_signals(connection, rows)
    return {run_id for run_id, _ in rows}


def live_sessions(connection: Connection) -> set[str]:
    """Return the sessions that have not ended."""
    return set(connection.execute(select(sessions.c.id).where(sessions.c.ended_at.is_(None))).scalars())


def is_live(connection: Connection, session: str) -> bool:
    """Whether this session stands and has not ended."""
    query = select(sessions.c.id).where(sessions.c.id == session, sessions.c.ended_at.is_(None))
    return connection.execute(query).one_or_none() is not None


def forget_sessions(connection: Connection, before: datetime) -> int:
    """Delete sessions that ended before that moment; return how many."""
    old = sessions.delete().where(sessions.c.ended_at.is_not(None), sessions.c.ended_at < before)
    return connection.execute(old).rowcount
