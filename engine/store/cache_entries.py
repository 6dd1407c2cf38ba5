"""Outputs kept for later runs (`cache`), by workflow, task and key."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, or_, select

from engine.machine.changes import CacheEntry, Changes
from engine.store.bulk import Bulk
from engine.store.membership import one_of
from engine.store.tables import cache_entries

EXPIRED_MAX = 500

_insert = Bulk(
    cache_entries, ["workflow_id", "task", "key", "task_run_id", "outputs", "created_at", "expires_at"], keys=3
)


@dataclass(frozen=True, slots=True)
class Cached:
    """Outputs that are kept, and the task run that gave them."""

    outputs: dict[str, Any]
    task_run_id: str


def cache_digest(key: str) -> str:
    """Return what a key, of any length, is stored under."""
    return hashlib.sha256(key.encode()).hexdigest()


def find_cached(
    connection: Connection, wanted: Collection[tuple[str, str, str]], now: datetime
) -> dict[tuple[str, str, str], Cached]:
    """Return what is kept, and has not expired, for these (workflow id, task, key)."""
    digests = {(workflow_id, task, cache_digest(key)): (workflow_id, task, key) for workflow_id, task, key in wanted}
    query = select(cache_entries).where(
        one_of(cache_entries.c.workflow_id, {workflow_id for workflow_id, _, _ in wanted}),
        one_of(cache_entries.c.key, {digest for _, _, digest in digests}),
        or_(cache_entries.c.expires_at.is_(None), cache_entries.c.expires_at > now),
    )
    found: dict[tuple[str, str, str], Cached] = {}
    for row in connection.execute(query):
        if (row.workflow_id, row.task, row.key) in digests:
            found[digests[row.workflow_id, row.task, row.key]] = Cached(row.outputs, row.task_run_id)
    return found


def keep_cached(connection: Connection, batch: Sequence[Changes], now: datetime) -> None:
    """Keep what the batch's tasks gave; the newest outputs of a key replace older ones."""
    rows = {
        (changes.run.workflow_id, entry.task, cache_digest(entry.key)): entry
        for changes in batch
        for entry in changes.cached
    }
    if rows:
        _forget(connection, rows)
        _insert.insert(connection, [_row(key, entry, now) for key, entry in rows.items()])


def forget_expired(connection: Connection, now: datetime) -> int:
    """Delete some of what has expired; return how many."""
    keys = select(cache_entries.c.key).where(cache_entries.c.expires_at <= now).limit(EXPIRED_MAX)
    expired = delete(cache_entries).where(cache_entries.c.key.in_(keys), cache_entries.c.expires_at <= now)
    return connection.execute(expired).rowcount


def _forget(connection: Connection, keys: Iterable[tuple[str, str, str]]) -> None:
    for workflow_id, task, digest in sorted(keys):
        where = (cache_entries.c.workflow_id == workflow_id, cache_entries.c.task == task)
        connection.execute(delete(cache_entries).where(*where, cache_entries.c.key == digest))


def _row(key: tuple[str, str, str], entry: CacheEntry, now: datetime) -> tuple[Any, ...]:
    return (*key, entry.task_run_id, entry.outputs, now, entry.expires_at)
