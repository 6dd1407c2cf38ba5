"""`column IN (many values)`, as each database reads it."""

import pytest
from sqlalchemy import Dialect, and_, select
from sqlalchemy.dialects import postgresql, sqlite

from engine.store.membership import one_of, one_of_named
from engine.store.tables import signals, task_runs


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        (postgresql.dialect(), "task_runs.id = ANY (%(ids)s::VARCHAR[])"),
        (sqlite.dialect(), "task_runs.id IN (SELECT value FROM json_each(?))"),
    ],
)
def test_it_is_a_condition_among_others(dialect: Dialect, expected: str) -> None:
    condition = and_(one_of_named(task_runs.c.id, "ids"), task_runs.c.state == "queued")
    written = str(condition.compile(dialect=dialect))
    assert written.startswith(f"{expected} AND task_runs.state = ")


def test_the_statement_is_the_same_for_any_number() -> None:
    few, many = (select(signals.c.id).where(one_of(signals.c.id, range(number))) for number in (1, 1000))
    key, other = few._generate_cache_key(), many._generate_cache_key()
    assert key is not None
    assert key == other
