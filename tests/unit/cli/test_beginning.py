"""What `chronoverse init` writes is right: it loads without a warning, and its tests pass."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.beginning import FILES
from cli.main import cli
from dsl.formatting import format_text
from dsl.loader import load_paths
from engine.rehearsal import Suite


def call(folder: Path) -> Result:
    return CliRunner().invoke(cli, ["init", str(folder)])


def test_the_workflow_has_no_fault_and_its_tests_pass(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "flows"
    result = call(folder)
    assert result.exit_code == 0
    assert f"chronoverse validate {folder}" in result.output
    loaded = load_paths([folder])
    assert loaded.diagnostics == ()
    assert [item.workflow.name for item in loaded.workflows] == ["first"]
    suite = Suite("", fail_fast=False)
    cases = list(suite.play([folder / "first.test.yaml"]))
    assert [case.passed for case in cases] == [True, True]
    assert suite.report.passed


@pytest.mark.parametrize("name", FILES)
def test_the_files_are_in_the_one_layout(name: str) -> None:
    assert format_text(FILES[name], name).text == FILES[name]


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_overwritten_and_nothing_half_written(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    result = call(tmp_path)
    assert result.exit_code == 1
    assert "already there" in result.output
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_a_link_that_leads_nowhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "first.yaml").symlink_to(tmp_path / "elsewhere")
    assert call(tmp_path).exit_code == 1
    assert not (tmp_path / "elsewhere").exists()


def test_a_place_that_is_no_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = call(tmp_path / "file" / "flows")
    assert result.exit_code == 1
    assert os.strerror(20) in result.output
    assert "Traceback" not in result.output
