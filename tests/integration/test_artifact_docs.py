"""The example of docs/artifacts.md runs as it stands."""

import re
from pathlib import Path

from dsl.loader import load_text
from engine.store.artifacts import list_artifacts
from tests.stack import Stack

PAGE = Path(__file__).parents[2] / "docs" / "artifacts.md"


def test_the_example_runs(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    loaded = load_text(text, "example.yaml")
    assert loaded.diagnostics == ()
    with Stack(tmp_path) as stack:
        (run_id,) = stack.submit(loaded.workflows[0].workflow)
        assert stack.wait([run_id], 60) == ["succeeded"]
        with stack.database.read() as connection:
            rows = list_artifacts(connection, run_id, limit=10)
    assert [f"{row.task}{row.key}/{row.artifact.name}" for row in rows] == [
        "extractregion=eu/out/eu.csv",
        "extractregion=us/out/us.csv",
        "report/charts/regions.svg",
        "report/report.txt",
    ]
