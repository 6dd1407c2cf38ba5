"""`chronoverse simulate` takes times as people write them, and says what it left out."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.simulation import simulate

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
    return CliRunner().invoke(simulate, list(arguments))


def test_json_has_each_firing_and_what_the_limit_does(file: str) -> None:
    result = call(
        file, "--from", "2026-01-01", "--to", "2026-01-01T00:30:00+00:00", "--duration", "15m", "--format", "json"
    )
    found = json.loads(result.stdout)
    assert [item["effect"] for item in found["firings"]] == ["starts", "skipped", "starts"]
    assert found["phase_assumed"] == ["default/often/t"]


def test_the_table_says_that_there_is_more_and_what_is_assumed(file: str) -> None:
    result = call(file, "--from", "2026-01-01", "--limit", "2")
    assert "2 firings, 0 at a concurrency limit; there are more" in result.stderr
    assert "give --duration" in result.stderr


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
