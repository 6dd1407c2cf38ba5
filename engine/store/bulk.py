"""Many rows in one go, as fast as each database takes them.

SQLite takes tuples through the driver's own cursor (no round trip, no statement to build); PostgreSQL takes one JSON
array a statement (`jsonb_to_recordset`), whatever the number of rows.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import Boolean, Column, Connection, CursorResult, LargeBinary, Table, text
from sqlalchemy.dialects import postgresql

from engine.store.json_text import json_text
from engine.store.types import JSON_TYPES, Timestamp, to_microseconds

Row = tuple[Any, ...]
_IGNORE: Final = " ON CONFLICT DO NOTHING"
_postgresql = postgresql.dialect()  # type: ignore[no-untyped-call]


class Bulk:
    """Statements over fixed columns of one table; the first `keys` columns find a row, the rest are its values.

    With `version`, one of the keys, an update is conditional: it finds a row only as it was seen, and lets that column
    grow by one.
    """

    def __init__(self, table: Table, columns: Sequence[str], *, keys: int = 1, version: str | None = None) -> None:
        self._columns: list[Column[Any]] = [table.c[name] for name in columns]
        converters = ((place, _converter(column)) for place, column in enumerate(self._columns))
        self._conversions = [(place, convert) for place, convert in converters if convert is not None]
        self._keys = keys
        insert, update = _sqlite_statements(table, self._columns, keys, version)
        self._sqlite_insert = {False: insert, True: insert + _IGNORE}
        self._sqlite_update = update
        insert, update = _postgresql_statements(table, self._columns, keys, version)
        self._insert = {False: text(insert), True: text(insert + _IGNORE)}
        self._update = text(update)

    def insert(self, connection: Connection, rows: Sequence[Row], *, ignore_conflicts: bool = False) -> None:
        """Insert the rows; with `ignore_conflicts` those that break a unique key are left out."""
        if not rows:
            return
        if connection.dialect.name == "sqlite":
            cursor = connection.connection.cursor()
            cursor.executemany(self._sqlite_insert[ignore_conflicts], [self._converted(row) for row in rows])
            cursor.close()
        else:
            connection.execute(self._insert[ignore_conflicts], {"rows": self._json(rows)})

    def update(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Update the row of each key."""
        if not rows:
            return
        if connection.dialect.name == "sqlite":
            cursor = connection.connection.cursor()
            cursor.executemany(self._sqlite_update, [self._swapped(self._converted(row)) for row in rows])
            cursor.close()
        else:
            self._update_all(connection, rows)

    def update_found(self, connection: Connection, rows: Sequence[Row]) -> set[Any]:
        """Update the row of each key; return the first key column of those that were found."""
        if not rows:
            return set()
        if connection.dialect.name == "postgresql":
            return set(self._update_all(connection, rows).scalars())
        cursor = connection.connection.cursor()
        found = set()
        for row in rows:
            cursor.execute(self._sqlite_update, self._swapped(self._converted(row)))
            if cursor.rowcount == 1:
                found.add(row[0])
        cursor.close()
        return found

    def _update_all(self, connection: Connection, rows: Sequence[Row]) -> CursorResult[Any]:
        return connection.execute(self._update, {"rows": self._json(rows), "keys": [row[0] for row in rows]})

    def _converted(self, row: Row) -> list[Any]:
        """Return the values as SQLite's driver takes them; of many columns only few need anything."""
        values = list(row)
        for place, convert in self._conversions:
            if (value := values[place]) is not None:
                values[place] = convert(value)
        return values

    def _swapped(self, row: list[Any]) -> list[Any]:
        return row[self._keys :] + row[: self._keys]

    def _json(self, rows: Sequence[Row]) -> str:
        names = [column.name for column in self._columns]
        return json_text([dict(zip(names, row, strict=True)) for row in rows])


def _sqlite_statements(table: Table, columns: Sequence[Column[Any]], keys: int, version: str | None) -> tuple[str, str]:
    names = [f'"{column.name}"' for column in columns]
    marks = ", ".join("?" for _ in names)
    where = " AND ".join(f"{name} = ?" for name in names[:keys])
    assigned = [*_grown(table, version), *(f"{name} = ?" for name in names[keys:])]
    return (
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})",
        f"UPDATE {table.name} SET {', '.join(assigned)} WHERE {where}",
    )


def _postgresql_statements(
    table: Table, columns: Sequence[Column[Any]], keys: int, version: str | None
) -> tuple[str, str]:
    names = [f'"{column.name}"' for column in columns]
    picked = [_picked(column) for column in columns]
    source, first = _recordset(columns), f"{table.name}.{names[0]}"
    values = [f"{name} = {value}" for name, value in zip(names[keys:], picked[keys:], strict=True)]
    assigned = [*_grown(table, version), *values]
    found = " AND ".join(f"{table.name}.{name} = v.{name}" for name in names[:keys])
    # Of a recordset the planner knows nothing; of an array it knows how few rows it names, and takes the index.
    known = f"{first} = ANY(CAST(:keys AS {columns[0].type.compile(_postgresql)}[]))"
    return (
        f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {', '.join(picked)} FROM {source}",
        f"UPDATE {table.name} SET {', '.join(assigned)} FROM {source} WHERE {known} AND {found} RETURNING {first}",
    )


def _grown(table: Table, version: str | None) -> list[str]:
    return [] if version is None else [f'"{version}" = {table.name}."{version}" + 1']


def _converter(column: Column[Any]) -> Callable[[Any], Any] | None:
    """Return how SQLite's driver wants a value of the column, None where it takes it as it is."""
    if isinstance(column.type, Timestamp):
        return to_microseconds
    if isinstance(column.type, Boolean):
        return int
    if isinstance(column.type, JSON_TYPES):
        return json_text
    return None


def _recordset(columns: Sequence[Column[Any]]) -> str:
    typed = ", ".join(f'"{column.name}" {_json_type(column)}' for column in columns)
    return f"jsonb_to_recordset(CAST(:rows AS jsonb)) AS v({typed})"


def _json_type(column: Column[Any]) -> str:
    """Return the type that a column's value has within the JSON; bytes come as base64 (msgspec's way)."""
    return "text" if isinstance(column.type, LargeBinary) else column.type.compile(_postgresql)


def _picked(column: Column[Any]) -> str:
    return f"decode(v.\"{column.name}\", 'base64')" if isinstance(column.type, LargeBinary) else f'v."{column.name}"'
