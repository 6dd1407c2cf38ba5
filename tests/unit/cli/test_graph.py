"""`chronoverse graph` draws one workflow, and says what to do when it is not clear which."""

from pathlib import Path

from click.testing import CliRunner

from cli.main import cli

TWO = "name: one\ntasks: {a: {run: 'true'}}\n---\nname: two\ntasks: {b: {run: 'true'}}\n"


def test_one_workflow_of_several_is_chosen_by_name(tmp_path: Path) -> None:
    file = tmp_path / "two.yaml"
    file.write_text(TWO)
    unclear = CliRunner().invoke(cli, ["graph", str(file)])
    assert unclear.exit_code == 1
    assert "choose with --workflow: default/one, default/two" in unclear.output
    for name in ("two", "default/two"):
        assert CliRunner().invoke(cli, ["graph", str(file), "--workflow", name]).output.startswith("default/two\n")
    unknown = CliRunner().invoke(cli, ["graph", str(file), "--workflow", "three"])
    assert unknown.exit_code == 1
    assert "holds no workflow 'three'" in unknown.output


def test_every_format_draws(tmp_path: Path) -> None:
    file = tmp_path / "one.yaml"
    file.write_text(TWO.partition("---")[0])
    for style, start in {"text": "default/one", "mermaid": "flowchart", "svg": "<svg"}.items():
        result = CliRunner().invoke(cli, ["graph", str(file), "--format", style])
        assert result.exit_code == 0
        assert result.output.startswith(start)


def test_a_file_with_errors_shows_them_and_draws_nothing(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("name: one\ntasks: {a: {run: 'true', needs: [b]}}\n")
    result = CliRunner().invoke(cli, ["graph", str(file)])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "error[" in result.stderr


def test_what_holds_no_workflow_is_told_with_what_to_do(tmp_path: Path) -> None:
    tests = tmp_path / "one.test.yaml"
    tests.write_text("tests: {a: {expect: {state: succeeded}}}\n")
    said = CliRunner().invoke(cli, ["graph", str(tests)])
    assert said.exit_code == 1
    assert "holds tests, and no workflow" in said.stderr
    empty = CliRunner().invoke(cli, ["graph", str(tmp_path)])
    assert empty.exit_code == 1
    assert "`chronoverse init DIR` writes a first one" in empty.stderr
