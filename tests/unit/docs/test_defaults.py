"""The files of docs/defaults.md load, and `explain` prints what the page shows."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import cli
from dsl.loader import load_paths

PAGE = (Path(__file__).parents[3] / "docs" / "defaults.md").read_text(encoding="utf-8")
FILES = re.findall(r"```yaml\n# (\S+)\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    for name, text in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {name}\n{text}")
    monkeypatch.chdir(tmp_path)


def test_the_files_are_right_and_give_what_the_page_says() -> None:
    result = load_paths(["workflows"])
    assert result.diagnostics == ()
    report = next(item.workflow for item in result.workflows if item.workflow.name == "report")
    assert (report.namespace, report.labels) == ("data", {"team": "data", "tier": "gold"})
    assert report.env == {"LOG_LEVEL": "info", "REGION": "us"}
    assert {name: task.timeout_seconds for name, task in report.tasks.items()} == {"build": 300, "send": 60}
    assert {task.retry.max_attempts for task in report.tasks.values()} == {3}


def test_explain_prints_what_the_page_shows() -> None:
    [(arguments, shown)] = re.findall(r"```\n\$ chronoverse (.*?)\n(.*?)```", PAGE, re.DOTALL)
    result = CliRunner().invoke(cli, arguments.split())
    assert [line.split() for line in result.stdout.splitlines()] == [line.split() for line in shown.splitlines()]
