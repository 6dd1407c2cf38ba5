"""docs/indexes.md says of every index of its tables what it is for, and names none that is not there."""

import re

from engine.store import tables_rollups
from engine.store.tables import metadata
from tests.docs import DOCS

COUNTED = (tables_rollups.ended_runs, tables_rollups.rollups, tables_rollups.run_logs)
TABLES = ("runs", "run_data", "run_labels", "task_runs", "attempts", "log_batches", "firings", "signals") + tuple(
    table.name for table in COUNTED
)


def there(table: str) -> set[str]:
    found = metadata.tables[table]
    named = [*found.indexes, *found.constraints]
    return {str(each.name) for each in named if str(each.name).startswith(("ix_", "pk_", "uq_"))}


def test_the_page_names_the_indexes_that_there_are() -> None:
    told = re.findall(r"^\| `((?:ix|pk|uq)_\w+)` \|", (DOCS / "indexes.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(told) == {name for table in TABLES for name in there(table)}
    assert len(told) == len(set(told))
