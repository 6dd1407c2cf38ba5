"""How diagnostics look: as a compiler's, as JSON, as SARIF, as annotations."""

import json

import pytest
from click.testing import CliRunner

from cli.main import cli
from dsl.loader import load_text
from dsl.render import render

TEXT = "name: nightly\ntasks:\n  extract: {run: x}\n  load:\n    needs: [extrct]\n    run: x\n"


def test_text_is_drawn_like_a_compilers() -> None:
    assert render(load_text(TEXT, "w.yaml"), "text") == (
        "error[E0312]: task 'load' needs 'extrct', which does not exist\n"
        " --> w.yaml:5:13\n"
        "  |\n"
        "5 |     needs: [extrct]\n"
        "  |             ^^^^^^ did you mean 'extract'?\n"
        "\n"
    )


def test_json_has_exactly_the_documented_keys() -> None:
    (item,) = json.loads(render(load_text(TEXT, "w.yaml"), "json"))
    assert item == {
        "code": "E0312",
        "severity": "error",
        "message": "task 'load' needs 'extrct', which does not exist",
        "file": "w.yaml",
        "line": 5,
        "column": 13,
        "end_line": 5,
        "end_column": 19,
        "hint": "did you mean 'extract'?",
    }


def test_sarif_names_rule_and_region() -> None:
    document = json.loads(render(load_text(TEXT, "w.yaml"), "sarif"))
    (result,) = document["runs"][0]["results"]
    assert document["version"] == "2.1.0"
    assert result["ruleId"] == "E0312"
    assert result["locations"][0]["physicalLocation"]["region"]["startColumn"] == 13


def test_annotations_are_escaped() -> None:
    text = "name: w\ntasks:\n  'a%,b': {run: x}\n"
    annotation = render(load_text(text, "a,b.yaml"), "github")
    assert annotation.startswith("::error file=a%2Cb.yaml,line=3,endLine=3,col=")
    assert "%25" in annotation


def test_an_unclosed_text_is_cut_around_the_place() -> None:
    text = "name: w\ntasks:\n  a: {run: x, env: {A: '" + "x" * 500 + " ${{ inputs.m }}'}}\n"
    lines = render(load_text(text, "w.yaml"), "text").splitlines()
    assert all(len(line) < 200 for line in lines)


@pytest.mark.parametrize(("content", "status"), [(TEXT.replace("extrct", "extract"), 0), (TEXT, 1)])
def test_the_exit_status_says_whether_files_are_right(tmp_path, content: str, status: int) -> None:
    (tmp_path / "w.yaml").write_text(content)
    assert CliRunner().invoke(cli, ["validate", str(tmp_path)]).exit_code == status


def test_misuse_is_exit_status_2(tmp_path) -> None:
    assert CliRunner().invoke(cli, ["validate", str(tmp_path / "none.yaml")]).exit_code == 2
    assert CliRunner().invoke(cli, ["validate", "--format", "xml", str(tmp_path)]).exit_code == 2
