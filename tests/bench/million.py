"""Fill a database with a long past: `python -m tests.bench.million --runs 1000000 --workflows 5000 --database URL`.

The database must be empty. PostgreSQL takes the rows by COPY, SQLite by `executemany`, with its indexes in memory.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, text

from engine.services.rollup import RollUp
from engine.store.database import Database
from engine.store.schema import migrate
from engine.store.tables import metadata
from engine.store.types import Timestamp, to_microseconds
from tests.bench.million_rows import COLUMNS, Past, Rows, now_rounded

CHUNK: Final = 20_000
CACHE_KIB: Final = 1024 * 1024
Progress = Callable[[int], None]


def fill(database: Database, past: Past, progress: Progress = lambda _: None) -> None:
    """Migrate the database and write the past into it; then let it gather statistics."""
    migrate(database)
    with database.write() as connection:
        if database.dialect == "sqlite":
            connection.execute(text(f"PRAGMA cache_size = -{CACHE_KIB}"))
        if connection.execute(text("SELECT count(*) FROM workflows")).scalar_one():
            raise SystemExit("the database has workflows already; hint: name one that is empty")
        _write(connection, past.rows_of_workflows())
    for number, rows in enumerate(past.chunks(CHUNK)):
        with database.write() as connection:
            _write(connection, rows)
        progress(min((number + 1) * CHUNK, past.runs))
    _gather(database)


def count(database: Database) -> None:
    """Make figures of all runs."""
    with database.write() as connection:
        connection.execute(text("INSERT INTO ended_runs SELECT id FROM runs"))
    roll_up = RollUp(database)
    while roll_up.count():
        pass


def _gather(database: Database) -> None:
    if database.dialect == "sqlite":
        with database.write() as connection:
            connection.execute(text("PRAGMA analysis_limit = 1000"))
            connection.execute(text("ANALYZE"))
        return
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _write(connection: Connection, rows: Mapping[str, Rows]) -> None:
    for table, those in rows.items():
        if those:
            (_insert if connection.dialect.name == "sqlite" else _copy)(connection, table, those)


def _insert(connection: Connection, table: str, rows: Rows) -> None:
    moments = _moments(table)
    columns = ", ".join(f'"{name}"' for name in COLUMNS[table])
    marks = ", ".join("?" for _ in COLUMNS[table])
    cursor = connection.connection.cursor()
    cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", [_numbers(row, moments) for row in rows])
    cursor.close()


def _moments(table: str) -> list[int]:
    """Return the places of the columns that hold times."""
    columns = metadata.tables[table].c
    return [place for place, name in enumerate(COLUMNS[table]) if isinstance(columns[name].type, Timestamp)]


def _numbers(row: tuple[Any, ...], moments: list[int]) -> list[Any]:
    values = list(row)
    for place in moments:
        if values[place] is not None:
            values[place] = to_microseconds(values[place])
    return values


def _copy(connection: Connection, table: str, rows: Rows) -> None:
    columns = ", ".join(f'"{name}"' for name in COLUMNS[table])
    cursor = connection.connection.cursor()
    with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    cursor.close()


def main(arguments: list[str]) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.million", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--workflows", type=int, default=5_000)
    parser.add_argument("--days", type=float, default=60.0, help="how far the past goes back")
    parser.add_argument("--logged", type=float, default=0.02, help="share of task runs that have a log")
    parser.add_argument("--database", required=True, help="sqlite:///path or postgresql://…, empty")
    parser.add_argument("--count", action="store_true", help="count the runs for analytics, too (0.5 ms each)")
    given = parser.parse_args(arguments)
    past = Past(given.workflows, given.runs, now_rounded(), days=given.days, logged=given.logged)
    database, begun = Database.open(given.database), time.perf_counter()
    fill(
        database,
        past,
        lambda done: print(f"\r{done:,} runs in {time.perf_counter() - begun:.0f} s", end="", flush=True),
    )
    print(f"\n{given.runs:,} runs of {given.workflows:,} workflows in {time.perf_counter() - begun:.0f} s")
    if given.count:
        count(database)
        print(f"counted in {time.perf_counter() - begun:.0f} s")
    database.close()


if __name__ == "__main__":
    main(sys.argv[1:])
