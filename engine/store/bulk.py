"""Many rows in one go, as fast as each database takes them.

SQLite takes tuples through the driver's own cursor (no round trip, no statement to build); PostgreSQL takes one JSON
array a statement (`jsonb_to_recordset`), whatever the number of rows.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Column, Connection, LargeBinary, Table, text
from sqlalchemy.dialects import postgresql

from engine.store.json_text import json_text
from engine.store.types import JSON_TYPES, Timestamp, to_microseconds

Row = tuple[Any, ...]
_postgresql = postgresql.dialect()  # type: ignore[no-untyped-call]


class Bulk:
    """Statements over fixed columns of one table; the first `keys` columns find a row, the rest are its values."""

    def __init__(self, table: Table, columns: Sequence[str], *, keys: int = 1) -> None:
        self._columns: list[Column[Any]] = [table.c[name] for name in columns]
        self._converters = [_converter(column) for column in self._columns]
        names = [f'"{name}"' for name in columns]
        listed, marks = ", ".join(names), ", ".join("?" for _ in names)
        source = _recordset(self._columns)
        where = " AND ".join(f"{name} = ?" for name in names[:keys])
        assigned = ", ".join(f"{name} = ?" for name in names[keys:])
        self._sqlite_insert = f"INSERT INTO {table.name} ({listed}) VALUES ({marks})"
        self._sqlite_update = f"UPDATE {table.name} SET {assigned} WHERE {where}"
        picked = ", ".join(_picked(column) for column in self._columns)
        self._insert = f"INSERT INTO {table.name} ({listed}) SELECT {picked} FROM {source}"
        moved = ", ".join(f'"{column.name}" = {_picked(column)}' for column in self._columns[keys:])
        found = " AND ".join(f"{table.name}.{name} = v.{name}" for name in names[:keys])
        self._update = f"UPDATE {table.name} SET {moved} FROM {source} WHERE {found}"
        self._keys = keys

    def insert(self, connection: Connection, rows: Sequence[Row], *, ignore_conflicts: bool = False) -> None:
        """Insert the rows; with `ignore_conflicts` those that break a unique key are left out."""
        if not rows:
            return
        suffix = " ON CONFLICT DO NOTHING" if ignore_conflicts else ""
        if connection.dialect.name == "sqlite":
            cursor = connection.connection.cursor()
            cursor.executemany(self._sqlite_insert + suffix, [self._converted(row) for row in rows])
            cursor.close()
        else:
            connection.execute(text(self._insert + suffix), {"rows": self._json(rows)})

    def update(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Update the row of each key."""
        if not rows:
            return
        if connection.dialect.name == "sqlite":
            cursor = connection.connection.cursor()
            cursor.executemany(self._sqlite_update, [self._swapped(self._converted(row)) for row in rows])
            cursor.close()
        else:
            connection.execute(text(self._update), {"rows": self._json(rows)})

    def update_returning(self, connection: Connection, rows: Sequence[Row], guard: str, extra: str) -> set[Any]:
        """Update rows and return the first key column of those that were found.

        `guard` is a key column that is compared and then set by the SQL expression `extra` (a version that grows).
        """
        if not rows:
            return set()
        if connection.dialect.name == "sqlite":
            return self._update_each(connection, rows, f'"{guard}" = {extra}')
        name = self._columns[0].name
        statement = self._update.replace(" SET ", f' SET "{guard}" = {self._columns[0].table.name}.{extra}, ', 1)
        statement += f" RETURNING {self._columns[0].table.name}.{name}"
        return set(connection.execute(text(statement), {"rows": self._json(rows)}).scalars())

    def _update_each(self, connection: Connection, rows: Sequence[Row], assignment: str) -> set[Any]:
        statement = self._sqlite_update.replace(" SET ", f" SET {assignment}, ", 1)
        cursor = connection.connection.cursor()
        found = set()
        for row in rows:
            cursor.execute(statement, self._swapped(self._converted(row)))
            if cursor.rowcount == 1:
                found.add(row[0])
        cursor.close()
        return found

    def _converted(self, row: Row) -> Row:
        return tuple(
            value if value is None or convert is None else convert(value)
            for value, convert in zip(row, self._converters, strict=True)
        )

    def _swapped(self, row: Row) -> Row:
        return row[self._keys :] + row[: self._keys]

    def _json(self, rows: Sequence[Row]) -> str:
        names = [column.name for column in self._columns]
        return json_text([dict(zip(names, row, strict=True)) for row in rows])


def _converter(column: Column[Any]) -> Callable[[Any], Any] | None:
    """Return how SQLite's driver wants a value of the column, None where it takes it as it is."""
    if isinstance(column.type, Timestamp):
        return _microseconds
    if isinstance(column.type, Boolean):
        return int
    if isinstance(column.type, JSON_TYPES):
        return json_text
    return None


def _microseconds(moment: datetime) -> int:
    return to_microseconds(moment)


def _recordset(columns: Sequence[Column[Any]]) -> str:
    typed = ", ".join(f'"{column.name}" {_json_type(column)}' for column in columns)
    return f"jsonb_to_recordset(CAST(:rows AS jsonb)) AS v({typed})"


def _json_type(column: Column[Any]) -> str:
    """Return the type that a column's value has within the JSON; bytes come as base64 (msgspec's way)."""
    return "text" if isinstance(column.type, LargeBinary) else column.type.compile(_postgresql)


def _picked(column: Column[Any]) -> str:
    return f"decode(v.\"{column.name}\", 'base64')" if isinstance(column.type, LargeBinary) else f'v."{column.name}"'
