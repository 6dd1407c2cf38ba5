"""`explain` told apart by the shape of its argument: files and codes need no server."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import cli
from dsl.codes import CODES


def explain(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["explain", *arguments], env={"CHRONOVERSE_API_URL": "http://127.0.0.1:1"})


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / ".git").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "_defaults.yaml").write_text("env: {MODE: slow, LEVEL: info}\ndefaults:\n  timeout: 30m\n")
    (tmp_path / "data" / "_defaults.yaml").write_text("# the team's\nenv: {MODE: fast}\nnamespace: data\n")
    (tmp_path / "data" / "w.yaml").write_text(
        "name: w\ntasks:\n  - id: load\n    run: echo x\n    env: {DAY: today}\n  - {id: last, run: y, timeout: 5m}\n"
    )
    monkeypatch.chdir(tmp_path)
    return "data/w.yaml"


def values(result: Result) -> dict[str, tuple[object, str]]:
    [found] = json.loads(result.stdout)
    return {
        item["field"]: (item["value"], item["file"] + (f":{item['line']}" if item["line"] else ""))
        for item in found["values"]
    }


def test_a_tasks_values_say_where_each_comes_from(file: str) -> None:
    assert values(explain(file, "load", "--json")) == {
        "run": ("echo x", "data/w.yaml:4"),
        "env.DAY": ("today", "data/w.yaml:5"),
        "env.MODE": ("fast", "data/_defaults.yaml:2"),
        "env.LEVEL": ("info", "_defaults.yaml:1"),
        "timeout": ("30m", "_defaults.yaml:3"),
        "allow_failure": (False, "built in"),
        "grace": ("10s", "built in"),
        "if": ("success()", "built in"),
        "pool": ("default", "built in"),
        "priority": ("normal", "built in"),
        "retry": ({"max_attempts": 1}, "built in"),
    }
    assert values(explain(file, "last", "--json"))["timeout"] == ("5m", "data/w.yaml:6")


def test_a_file_is_explained_whole_as_text(file: str) -> None:
    lines = explain(file).stdout.splitlines()
    assert [line for line in lines if line in {"w", "w: load", "w: last"}] == ["w", "w: load", "w: last"]
    assert any(line.split() == ["namespace", "data", "data/_defaults.yaml:3"] for line in lines)


def test_a_task_that_is_not_there_names_the_nearest(file: str) -> None:
    result = explain(file, "laod")
    assert (result.exit_code, "did you mean 'load'?" in result.stderr) == (1, True)


def test_a_faulty_file_is_shown_instead(file: str) -> None:
    Path("_defaults.yaml").write_text("env: 5\n")
    result = explain(file)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "--> _defaults.yaml:1:6" in result.stderr


def test_a_file_that_is_not_there_is_a_diagnostic() -> None:
    result = explain("nowhere.yaml")
    assert (result.exit_code, "E0014" in result.stderr) == (1, True)


@pytest.mark.parametrize("written", ["E0312", "e0312"])
def test_a_code_prints_its_page(written: str) -> None:
    result = explain(written)
    assert result.exit_code == 0
    assert result.stdout.startswith("### E0312\n")
    assert CODES["E0312"].explanation in result.stdout
    assert json.loads(explain(written, "--json").stdout)["title"] == CODES["E0312"].title


def test_an_unknown_code_names_one_that_is_like_it() -> None:
    result = explain("E0319")
    assert (result.exit_code, "did you mean 'E03" in result.stderr) == (1, True)


def test_a_task_goes_with_a_file_only() -> None:
    assert explain("default/report", "load").exit_code == 2


def test_anything_else_asks_the_server() -> None:
    result = explain("default/report")
    assert (result.exit_code, "chronoverse up" in result.stderr) == (1, True)
