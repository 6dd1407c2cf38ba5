"""`chronoverse fmt`: what it writes, prints and exits with."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import cli

ROOT = Path(__file__).parents[3]
UGLY, FINE = "tasks: {a: {run: x}}\nname: 'z'\n", "name: z\ntasks: {a: {run: x}}\n"


def fmt(*args: object, given: str | None = None):
    return CliRunner().invoke(cli, ["fmt", *map(str, args)], input=given)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.yaml").write_text(UGLY)
    (tmp_path / "fine.yml").write_text(FINE)
    (tmp_path / "a.test.yaml").write_text("tests: {x: {expect: {state: failed}}}\n")
    (tmp_path / "_defaults.yaml").write_text("env: {A: 1}\nnamespace: 'n'\n")
    (tmp_path / "_other.yaml").write_text(UGLY)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.yaml").write_text(UGLY)
    (tmp_path / "read.me").write_text(UGLY)
    return tmp_path


def test_files_are_written_in_place_and_named(folder):
    result = fmt(folder)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [f"formatted {folder / name}" for name in ("_defaults.yaml", "a.yaml")]
    assert result.stderr == "2 formatted, 2 as they should be\n"
    assert (folder / "a.yaml").read_text() == FINE
    assert (folder / "_other.yaml").read_text() == (folder / "read.me").read_text() == UGLY
    assert fmt(folder, "--check").exit_code == 0


def test_check_writes_nothing_and_exits_1(folder):
    result = fmt(folder, "--check")
    assert result.exit_code == 1
    assert f"would format {folder / 'a.yaml'}" in result.stdout
    assert (folder / "a.yaml").read_text() == UGLY


def test_diff_shows_what_would_change(folder):
    result = fmt(folder / "a.yaml", "--diff")
    assert result.exit_code == 1
    assert "-name: 'z'\n" in result.stdout
    assert "+name: z\n" in result.stdout
    assert (folder / "a.yaml").read_text() == UGLY


def test_standard_input_goes_to_standard_output():
    result = fmt("-", given=UGLY)
    assert (result.exit_code, result.stdout) == (0, FINE)
    assert fmt("-", "--check", given=UGLY).exit_code == 1
    tests = fmt("-", "--stdin-filename", "x.test.yaml", given="tests: {}\nname: x\n")
    assert tests.stdout == "name: x\ntests: {}\n"


def test_a_faulty_file_is_told_and_left_and_the_others_are_formatted(folder):
    (folder / "b.yaml").write_text("name: [\n")
    result = fmt(folder)
    assert result.exit_code == 1
    assert "b.yaml:" in result.stderr
    assert "1 faulty" in result.stderr
    assert (folder / "b.yaml").read_text() == "name: [\n"
    assert (folder / "a.yaml").read_text() == FINE


def test_a_folder_without_files_is_told(tmp_path):
    result = fmt(tmp_path)
    assert (result.exit_code, result.stderr) == (0, "there are no workflow files here\n")


@pytest.mark.parametrize("args", [("missing.yaml",), ("-", "x.yaml"), ("--nonsense",)])
def test_misuse_exits_2(args):
    assert fmt(*args).exit_code == 2


def test_the_workflows_of_this_repository_are_formatted():
    assert fmt("--check", ROOT / "workflows").exit_code == 0


def test_a_file_is_replaced_whole_or_not_at_all(folder, monkeypatch):
    (folder / "a.yaml").chmod(0o640)
    (folder / "link.yaml").symlink_to("a.yaml")

    def broken(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", broken)
        assert "No space left" in fmt(folder / "a.yaml").stderr
    assert (folder / "a.yaml").read_text() == UGLY
    fmt(folder / "link.yaml")
    assert ((folder / "a.yaml").read_text(), (folder / "link.yaml").is_symlink()) == (FINE, True)
    assert oct((folder / "a.yaml").stat().st_mode & 0o777) == "0o640"
    assert not list(folder.glob(".*.part"))
