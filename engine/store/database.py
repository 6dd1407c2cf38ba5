"""A connection to the truth: SQLite in the process, or PostgreSQL."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal, cast

import msgspec
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from engine.clock import Clock, system_clock
from engine.store.errors import RetryableError, StoreError
from engine.store.json_text import json_text

BUSY_SECONDS: Final = 30.0
CLOCK_FRESH_SECONDS: Final = 60.0
WAL_BYTES_KEPT: Final = 64 * 1024 * 1024
_RETRYABLE_STATES: Final = frozenset({"40001", "40P01", "55P03", "57P01", "57P02", "57P03"})


class Database:
    """The store. `write` and `read` give connections; both are safe to use from any thread.

    SQLite: one write lock in the process, every write transaction is `BEGIN IMMEDIATE`; readers have connections of
    their own (WAL). PostgreSQL: pooled connections, READ COMMITTED.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._write_lock = threading.RLock()
        self._writer: Connection | None = None
        self._exclusive_lock = threading.Lock()
        self._exclusive_names: set[str] = set()
        self._offset = timedelta()
        self._offset_until = 0.0
        self.dialect = cast("Literal['sqlite', 'postgresql']", engine.dialect.name)

    @classmethod
    def open(cls, url: str, *, durability: str = "normal", clock: Clock = system_clock) -> "Database":
        """Open the database at `url` (`sqlite:///path`, `postgresql://…`).

        Nothing is connected before the first use. Raises `StoreError` for a URL that is neither.
        """
        parsed = _parse(url)
        if parsed.get_backend_name() == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
            engine = create_engine(
                parsed,
                json_serializer=json_text,
                json_deserializer=msgspec.json.decode,
                isolation_level="READ COMMITTED",
                pool_size=10,
                max_overflow=20,
                pool_pre_ping=True,
                connect_args={"connect_timeout": 10, "application_name": "chronoverse"},
            )
        else:
            engine = create_engine(
                parsed,
                json_serializer=json_text,
                json_deserializer=msgspec.json.decode,
                connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
                **_sqlite_pool(parsed),
            )
            _tune_sqlite(engine, durability)
        return cls(engine, clock)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection in a write transaction: committed at the end, rolled back when the block raises.

        Raises `RetryableError` when the same may succeed later, `StoreError` for anything else of the driver's.
        """
        if self.dialect == "postgresql":
            with self._errors(), self._engine.begin() as connection:
                yield connection
            return
        with self._write_lock, self._errors():
            # One writer at a time, so one connection for all: a pool's hand-over costs what a small transaction does.
            if self._writer is None:
                self._writer = self._engine.connect()
            with self._writer.begin():
                # Straight to the driver, for the same reason.
                self._writer.connection.cursor().execute("BEGIN IMMEDIATE").close()
                yield self._writer

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection for reading: one snapshot on SQLite, one for each statement on PostgreSQL."""
        with self._reading(), self._errors(), self._engine.connect() as connection:
            if self.dialect == "sqlite":
                connection.connection.cursor().execute("BEGIN").close()  # ended by the pool, which rolls back
            yield connection

    def now(self) -> datetime:
        """Return the database's time.

        That is the injected clock for SQLite; for PostgreSQL this machine's clock corrected by the difference last
        measured, at most a minute ago, so that it costs no round trip a call.
        """
        if self.dialect == "sqlite":
            return self._clock()
        if time.monotonic() > self._offset_until:
            with self.read() as connection:
                before = self._clock()
                theirs: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
            self._offset = theirs - (before + (self._clock() - before) / 2)
            self._offset_until = time.monotonic() + CLOCK_FRESH_SECONDS
        return self._clock() + self._offset

    @contextmanager
    def exclusive(self, name: str) -> Iterator[bool]:
        """Give True to one caller at a time among all processes, False to the others. SQLite has one process.

        PostgreSQL's lock belongs to a connection that does nothing else: it is free when the process dies.
        """
        if self.dialect == "sqlite":
            with self._exclusive_here(name) as held:
                yield held
            return
        with self._errors(), self._engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")  # a long sweep holds back no vacuum
            key = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
            held = connection.execute(key, {"name": name}).scalar_one()
            try:
                yield held
            finally:
                if held:
                    connection.execute(text("SELECT pg_advisory_unlock(hashtextextended(:name, 0))"), {"name": name})

    @contextmanager
    def _exclusive_here(self, name: str) -> Iterator[bool]:
        with self._exclusive_lock:
            held = name not in self._exclusive_names
            self._exclusive_names.add(name)
        try:
            yield held
        finally:
            if held:
                self._exclusive_names.discard(name)

    def _reading(self) -> AbstractContextManager[Any]:
        """A database in memory has one connection, which a reader must not share with a writer."""
        return self._write_lock if isinstance(self._engine.pool, StaticPool) else nullcontext()

    @property
    def engine(self) -> Engine:
        """The SQLAlchemy engine, for migrations."""
        return self._engine

    def close(self) -> None:
        """Close every connection."""
        with self._write_lock:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
        self._engine.dispose()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise _wrapped(error, self._engine.url) from error
        except sqlite3.Error as error:  # of statements that went straight to the driver
            raise _wrapped(DBAPIError(None, None, error), self._engine.url) from error
        except SQLAlchemyError as error:
            raise StoreError(f"the database layer failed: {error}") from error


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise StoreError(
            f"{url!r} is not a database URL\n"
            "  hint: CHRONOVERSE_DATABASE_URL is sqlite:///path or postgresql://user:password@host/database"
        )
    return parsed


def _sqlite_pool(url: URL) -> dict[str, Any]:
    """A database in memory lives as long as its one connection; a file takes as many as there are readers."""
    if url.database in (None, "", ":memory:"):
        return {"poolclass": StaticPool}
    return {"pool_size": 16, "max_overflow": 32, "pool_use_lifo": True}


def _tune_sqlite(engine: Engine, durability: str) -> None:
    """Set what every connection has. No `mmap_size`: mapped pages would count as resident memory."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins no transactions of its own: `write` does
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute(f"PRAGMA synchronous = {'FULL' if durability == 'full' else 'NORMAL'}")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA temp_store = MEMORY")
        cursor.execute("PRAGMA cache_size = -8000")
        cursor.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_KEPT}")
        cursor.close()


def _wrapped(error: DBAPIError, url: URL) -> StoreError:
    where = url.render_as_string(hide_password=True)
    state = getattr(error.orig, "sqlstate", None)
    if state in _RETRYABLE_STATES or error.connection_invalidated:
        return RetryableError(f"{where}: {error.orig}")
    if isinstance(error, OperationalError) or isinstance(error.orig, sqlite3.OperationalError):
        if "locked" in str(error.orig) or "busy" in str(error.orig):
            return RetryableError(f"{where}: {error.orig}")
        return StoreError(f"{where}: {error.orig}\n  hint: {_remedy(url)}")
    return StoreError(f"{where}: {error.orig}")


def _remedy(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        return "can the file and its directory be written, and is there room on the disk?"
    return "is the database running, and the URL right?"


def sqlite_path(url: str) -> Path | None:
    """Return the file of an SQLite URL, None for any other."""
    parsed = _parse(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        return None
    return Path(parsed.database)
