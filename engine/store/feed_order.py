"""How the feed is entered and read so that nobody who remembers an id misses a lower one that is committed later.

SQLite has one writer: ids are committed in their order. PostgreSQL gives ids when a row is inserted and shows it when
its transaction commits. So who enters holds, until the end of the transaction, a shared lock that is named by the last
id given before its own; and who reads stops at the lowest of those that are held. That is right in any interleaving:
a reader looks at the last id first, at the locks second, at the rows third. Of a transaction that it does not see the
lock of, either the lock came later, and then its ids are above the last one; or it is gone, and then its rows are
committed and seen. Long transactions that enter nothing hold nobody back.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, text

from engine.store.bulk import Bulk
from engine.store.json_text import json_text
from engine.store.tables_feed import feed

_LOCKS: Final = 0x66656564
_WRAP: Final = 2**32
_COLUMNS: Final = ("kind", "at", "namespace", "workflow", "run_id", "source", "data")
_LAST_ID: Final = "SELECT last_value - CASE WHEN is_called THEN 0 ELSE 1 END AS last FROM feed_id_seq"

_on_sqlite = Bulk(feed, _COLUMNS)
_on_postgresql = text(
    # The lock is taken before the first row comes out of the join, and so before an id is given.
    f"WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared({_LOCKS},"
    f" ((last + {_WRAP // 2}) % {_WRAP} - {_WRAP // 2})::int) FROM ({_LAST_ID}) AS given)"
    f" INSERT INTO feed ({', '.join(_COLUMNS)}) SELECT {', '.join(f'entered.{name}' for name in _COLUMNS)}"
    " FROM held, jsonb_to_recordset(CAST(:rows AS jsonb)) AS entered"
    "(kind text, at timestamptz, namespace text, workflow text, run_id text, source text, data jsonb)"
)
_last_id = text(_LAST_ID)
_last_on_sqlite = text("SELECT seq FROM sqlite_sequence WHERE name = 'feed'")
_held = text(
    "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2"
    f" AND classid = {_LOCKS} AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def insert(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows of kind, at, namespace, workflow, run_id, source and data."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        _on_sqlite.insert(connection, rows)
        return
    values = json_text([dict(zip(_COLUMNS, row, strict=True)) for row in rows])
    connection.execute(_on_postgresql, {"rows": values})


def horizon(connection: Connection) -> int:
    """Return the last id up to which all events are there that ever will be; what is read must be read after this."""
    if connection.dialect.name == "sqlite":
        newest: int | None = connection.execute(_last_on_sqlite).scalar()
        return newest or 0
    last: int = connection.execute(_last_id).scalar_one()
    return min((last_before(last, low) for low in connection.execute(_held).scalars()), default=last)


def last_before(last: int, low: int) -> int:
    """Return the id that a lock names by its lower half, where that is at most `last`; else `last`.

    A lock may have come after `last` was read: it holds back nothing up to there.
    """
    behind = (last - low) % _WRAP
    return last if behind >= _WRAP // 2 else last - behind
