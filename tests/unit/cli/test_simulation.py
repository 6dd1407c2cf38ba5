"""`chronoverse simulate` takes times as people write them, and says what it left out."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import cli

TEXT = """
name: often
concurrency: {limit: 1, overlap: skip}
triggers: {t: {every: 10m}}
tasks: {a: {run: 'true'}}
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "often.yaml"
    path.write_text(TEXT)
    return str(path)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["simulate", *arguments])


def test_json_has_each_firing_and_what_the_limit_does(file: str) -> None:
    result = call(
        file, "--from", "2026-01-01", "--to", "2026-01-01T00:30:00+00:00", "--duration", "15m", "--format", "json"
    )
    found = json.loads(result.stdout)
    assert [item["effect"] for item in found["firings"]] == ["starts", "skipped", "starts"]
    assert found["phase_assumed"] == ["default/often/t"]


def test_the_table_says_that_there_is_more_and_what_is_assumed(file: str) -> None:
    result = call(file, "--from", "2026-01-01", "--limit", "2")
    assert "2 firings, 0 at a concurrency limit; 142 more left out: see --limit" in result.stderr
    assert "give --duration" in result.stderr


def test_only_the_workflows_that_are_named_are_shown(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        (tmp_path / f"{name}.yaml").write_text(TEXT.replace("name: often", f"name: {name}"))
    chosen = ("--workflow", "one", "--workflow", "default/two")
    result = call(str(tmp_path), "--from", "2026-01-01", "--to", "2026-01-01T00:10:00Z", "--format", "json", *chosen)
    assert [item["workflow"] for item in json.loads(result.stdout)["firings"]] == ["default/one", "default/two"]
    unknown = call(str(tmp_path), "--workflow", "tow")
    assert unknown.exit_code == 1
    assert "no workflow 'tow'" in unknown.stderr
    assert "did you mean 'two'?" in unknown.stderr


def test_a_local_time_that_comes_twice_can_be_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "twice.yaml"
    trigger = '{cron: "30 2 * * *", timezone: Europe/Berlin, dst: {overlap: both}}'
    path.write_text(f"name: twice\ntriggers: {{t: {trigger}}}\ntasks: {{a: {{run: 'true'}}}}\n")
    result = call(str(path), "--from", "2026-10-25", "--to", "2026-10-26")
    assert "2026-10-25 02:30:00+02:00 CEST" in result.stdout
    assert "2026-10-25 02:30:00+01:00 CET" in result.stdout


@pytest.mark.parametrize(("key", "told"), [("always-one", False), ("${{ trigger.name }}", True)])
def test_it_says_where_a_key_may_set_runs_apart(tmp_path: Path, key: str, told: bool) -> None:
    path = tmp_path / "keyed.yaml"
    path.write_text(TEXT.replace("limit: 1", f'limit: 1, key: "{key}"'))
    result = call(str(path), "--from", "2026-01-01", "--duration", "1h")
    assert ("its concurrency.key is an expression" in result.stderr) is told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "yesterday"), "is not a time"),
        (("--duration", "long"), "is not a duration"),
        (("--from", "2026-01-02", "--to", "2026-01-01"), "--to must be later"),
        (("--limit", "0"), "--limit"),
    ],
)
def test_misuse_is_told(file: str, arguments: tuple[str, ...], said: str) -> None:
    result = call(file, *arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_file_with_errors_shows_them(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("name: bad\n")
    result = call(str(path))
    assert result.exit_code == 1
    assert "error[" in result.stderr
