"""Log-ins that failed: counted by name, the same for names that nobody has."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from engine.accounts.throttle import Failures, with_one_more
from engine.accounts.tokens import digest
from engine.store.tables_throttle import failed_log_ins as failed

ROWS_MAX: Final = 450


def read_failures(connection: Connection, name: str) -> Failures | None:
    """Return what failed in a row, locked for whoever counts on."""
    query = select(failed.c.failures, failed.c.last_at).where(failed.c.name_digest == digest(name)).with_for_update()
    row = connection.execute(query).one_or_none()
    return None if row is None else Failures(*row)


def count_one(connection: Connection, name: str, before: Failures | None, now: datetime) -> None:
    """Count one try on top of what `read_failures` gave."""
    after = with_one_more(before, now)
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(failed).values(name_digest=digest(name), failures=after.count, last_at=after.last_at)
    again = {"failures": failed.c.failures + 1 if after.count > 1 or before is None else 1, "last_at": after.last_at}
    connection.execute(statement.on_conflict_do_update(index_elements=[failed.c.name_digest], set_=again))


def forget(connection: Connection, name: str) -> bool:
    """Forget what failed of a name; return whether there was anything."""
    return connection.execute(delete(failed).where(failed.c.name_digest == digest(name))).rowcount == 1


def forget_before(connection: Connection, moment: datetime) -> int:
    """Forget what failed last before a moment, the oldest first, at most `ROWS_MAX`; return how many."""
    some = select(failed.c.name_digest).where(failed.c.last_at < moment).order_by(failed.c.last_at).limit(ROWS_MAX)
    return connection.execute(delete(failed).where(failed.c.name_digest.in_(some))).rowcount
