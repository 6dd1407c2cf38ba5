"""What other repositories use: the hooks and the action call commands that exist, on what they are meant for."""

import re
import shlex
from pathlib import Path
from typing import Any

import yaml

from cli.main import COMMANDS

ROOT = Path(__file__).parents[3]


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def command(line: str) -> str:
    words = shlex.split(line)
    assert words[0] == "chronoverse"
    return words[1]


def test_the_hooks_call_commands_that_exist() -> None:
    hooks = {hook["id"]: hook for hook in read(".pre-commit-hooks.yaml")}
    assert {command(hook["entry"]) for hook in hooks.values()} <= COMMANDS.keys()
    validate, test = hooks["chronoverse-validate"], hooks["chronoverse-test"]
    files = [path.relative_to(ROOT).as_posix() for path in (ROOT / "workflows").glob("*.yaml")]
    looked_at = [name for name in files if re.search(validate["files"], name)]
    checked = [name for name in looked_at if not re.search(validate["exclude"], name)]
    played = [name for name in files if re.search(test["files"], name)]
    assert sorted([*checked, *played]) == sorted(files)
    assert re.search(validate["exclude"], "workflows/team/_defaults.yaml")
    layout = hooks["chronoverse-fmt"]
    assert all(re.search(layout["files"], name) and not re.search(layout["exclude"], name) for name in files)
    assert not re.search(layout["exclude"], "workflows/team/_defaults.yaml")
    assert re.search(layout["exclude"], "workflows/team/_other.yaml")


def test_the_action_calls_commands_that_exist() -> None:
    action = read("action.yml")
    lines = [step["run"] for step in action["runs"]["steps"] if step.get("run", "").startswith("chronoverse")]
    assert [command(line) for line in lines] == ["validate", "test"]
    assert all("${{" not in step.get("run", "") for step in action["runs"]["steps"])  # nothing becomes code
    assert (ROOT / action["inputs"]["path"]["default"]).is_dir()


def test_the_page_names_what_is_there() -> None:
    page = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    for hook in read(".pre-commit-hooks.yaml"):
        assert f"id: {hook['id']}" in page
