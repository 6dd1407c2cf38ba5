from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import cli

FILES = {
    "fine": "name: hello\ntasks:\n  a: {run: echo}\n",
    "faulty": "name: Hello\ntasks:\n  a: {rum: echo}\n  b: {run: echo, needs: [c]}\n",
    "broken": "name: [\n",
    "bytes": b"name: \xff\xfe",
    "empty": "",
}


@pytest.mark.parametrize("name", FILES)
def test_the_api_answers_exactly_what_the_command_line_prints(api, tmp_path: Path, name, monkeypatch):
    content = FILES[name]
    data = content if isinstance(content, bytes) else content.encode()
    (tmp_path / "file.yaml").write_bytes(data)
    monkeypatch.chdir(tmp_path)
    printed = CliRunner().invoke(cli, ["validate", "file.yaml", "--format", "json"])
    answer = api.post("/api/v1/validate", params={"file": "file.yaml"}, content=data)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.content == printed.stdout_bytes
    assert printed.exit_code == (0 if name == "fine" else 1)


def test_a_workflow_that_is_named_must_be_live(api):
    text = "name: top\ntasks:\n  child: {workflow: {name: nowhere}}\n"
    [found] = api.post("/api/v1/validate", content=text.encode()).json()
    assert (found["code"], found["line"], found["column"]) == ("E0510", 3, 28)
