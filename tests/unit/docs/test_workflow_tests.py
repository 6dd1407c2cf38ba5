"""The tests of the examples pass, and so does the one of docs/testing-workflows.md."""

import re
import shutil
from pathlib import Path

from click.testing import CliRunner

from cli.main import cli

ROOT = Path(__file__).parents[3]


def test_the_examples_tests_pass(tmp_path: Path) -> None:
    junit = tmp_path / "out" / "junit.xml"
    result = CliRunner().invoke(cli, ["test", str(ROOT / "workflows"), "--junit", str(junit), "--coverage-min", "60"])
    assert result.exit_code == 0, result.output
    assert 'failures="0"' in junit.read_text()


def test_the_pages_example_passes(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "testing-workflows.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    shutil.copy(ROOT / "workflows" / "order-report.yaml", tmp_path)
    (tmp_path / "order-report.test.yaml").write_text(example)
    result = CliRunner().invoke(cli, ["test", str(tmp_path)])
    assert result.exit_code == 0, result.output


def test_misuse_exits_with_two_and_a_failure_with_one(tmp_path: Path) -> None:
    assert CliRunner().invoke(cli, ["test", str(tmp_path / "none")]).exit_code == 2
    shutil.copy(ROOT / "workflows" / "order-report.yaml", tmp_path)
    (tmp_path / "order-report.test.yaml").write_text("tests: {a: {expect: {state: succeeded}}}\n")
    result = CliRunner().invoke(cli, ["test", str(tmp_path), "--json"])
    assert (result.exit_code, '"passed": false' in result.output) == (1, True)


def test_an_unknown_name_is_shown_where_it_stands(tmp_path: Path) -> None:
    shutil.copy(ROOT / "workflows" / "order-report.yaml", tmp_path)
    (tmp_path / "order-report.test.yaml").write_text("tests: {a: {mocks: {extarct: {}}, expect: {state: failed}}}\n")
    result = CliRunner().invoke(cli, ["test", str(tmp_path)])
    assert result.exit_code == 1
    assert "error[E0601]: workflow 'order-report' has no task 'extarct'" in result.stderr
    assert "did you mean 'extract'?" in result.stderr
    assert "0 passed, 0 failed, 1 error in files" in result.stdout
