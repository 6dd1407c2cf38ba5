"""`column IN (many values)` as one parameter, whatever their number.

A parameter for each value would make a new statement for each number of values, and has an end (32,766 on SQLite).
"""

from collections.abc import Collection
from typing import Any, Self

from sqlalchemy import Boolean, Column, ColumnElement, Dialect, String, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeDecorator, TypeEngine

from engine.store.json_text import json_text


def one_of(column: Column[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Return the condition that the column has one of the values (texts or whole numbers)."""
    return _OneOf(column, bindparam(None, values, type_=_Many(column.type)))


def one_of_named(column: Column[Any], parameter: str) -> ColumnElement[bool]:
    """Return the same with the values to come as a parameter: a statement made once is executed faster."""
    return _OneOf(column, bindparam(parameter, type_=_Many(column.type)))


class _Many(TypeDecorator[Collection[Any]]):
    """Values as one parameter: an array on PostgreSQL, a JSON array on SQLite."""

    impl = String
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        # Without the column's length: PostgreSQL would cut longer values off until they fit.
        self.item = String() if isinstance(item, String) else item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ARRAY(self.item) if dialect.name == "postgresql" else String())

    def process_bind_param(self, value: Collection[Any] | None, dialect: Dialect) -> Any:
        values = list(value or ())
        return values if dialect.name == "postgresql" else json_text(values)


class _OneOf(FunctionElement[bool]):
    """Column and values; written in each database's own way."""

    name = "one_of"
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: OperatorType | None = None) -> Self:  # noqa: ARG002 - the signature is given
        """Stand for itself: as `(…) = 1`, SQLite's way with truth values, it would use no index."""
        return self


@compiles(_OneOf, "postgresql")
def _on_postgresql(element: _OneOf, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} = ANY ({values})"


@compiles(_OneOf, "sqlite")
def _on_sqlite(element: _OneOf, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"
