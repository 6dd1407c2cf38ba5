"""`column IN (many values)` as one parameter, whatever their number.

A parameter for each value would make a new statement for each number of values, and has an end (32,766 on SQLite).
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, any_, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from engine.store.json_text import json_text


def one_of(connection: Connection, column: Column[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Return the condition that the column has one of the values (texts or whole numbers)."""
    if connection.dialect.name == "postgresql":
        return column == any_(literal(list(values), ARRAY(column.type)))
    each = func.json_each(json_text(list(values))).table_valued("value")
    return column.in_(select(each.c.value))
