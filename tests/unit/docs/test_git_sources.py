"""docs/git-sources.md against the code: fields, defaults, reasons, and every range and glob that it shows."""

import re
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from engine.sync.git.config import GitAuth, GitConfig, GitLimits
from engine.sync.git.errors import GitConfigError
from engine.sync.git.globs import compiled
from engine.sync.git.semver import parse_range, parse_version

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "git-sources.md").read_text(encoding="utf-8")
CODE = re.compile(r"`([^`]+)`")


def table(heading: str) -> list[list[str]]:
    """The rows of the first table after a heading, cell by cell."""
    after = PAGE.split(f"## {heading}\n", 1)[1]
    lines = re.search(r"(?:^\|.*\n)+", after, re.MULTILINE)
    assert lines is not None
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines[0].splitlines()[2:]]
    return [[cell.strip().replace("\\|", "|") for cell in row] for row in rows]


def named(heading: str) -> list[str]:
    return [name for row in table(heading) for name in CODE.findall(row[0])]


@pytest.mark.parametrize(
    ("heading", "kind"),
    [("What a source is told", GitConfig), ("Credentials", GitAuth), ("Bounds", GitLimits)],
)
def test_every_field_is_on_the_page(heading: str, kind: type) -> None:
    assert sorted(named(heading)) == sorted(item.name for item in fields(kind))


@pytest.mark.parametrize(("heading", "kind"), [("What a source is told", GitConfig), ("Bounds", GitLimits)])
def test_numbers_are_the_defaults(heading: str, kind: type) -> None:
    shown = {row[0].strip("`"): row[1].replace(",", "") for row in table(heading)}
    numbers = {item.name: item.default for item in fields(kind) if isinstance(item.default, int | float)}
    told = {name: value for name, value in numbers.items() if not isinstance(value, bool)}
    assert {name: float(shown[name]) for name in told} == told
    needed = {item.name for item in fields(kind) if item.default is MISSING and item.default_factory is MISSING}
    assert {name for name, value in shown.items() if value == "needed"} == needed


@pytest.mark.parametrize("row", table("Which commit"), ids=lambda row: row[0])
def test_ranges(row: list[str]) -> None:
    wanted = parse_range(CODE.findall(row[0])[0])
    for cell, expected in ((row[1], True), (row[2], False)):
        for text in CODE.findall(cell):
            version = parse_version(text)
            assert version is not None
            assert wanted.holds(version) is expected, text


@pytest.mark.parametrize("row", table("Which files"), ids=lambda row: row[0])
def test_globs(row: list[str]) -> None:
    glob = compiled(CODE.findall(row[0])[0])
    for cell, expected in ((row[1], True), (row[2], False)):
        for path in CODE.findall(cell):
            assert bool(glob.fullmatch(path)) is expected, path


def test_every_reason_is_on_the_page() -> None:
    sources = [*(ROOT / "engine/sync/git").glob("*.py"), ROOT / "engine/sync/reconcile.py"]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    raised = set(re.findall(r'(?:FetchError|NoRefError)\(\s*"(\w+)"', text))
    faults = (ROOT / "engine/sync/git/faults.py").read_text(encoding="utf-8")
    raised |= set(re.findall(r'return \(?\s*"(\w+)"', faults))
    asked = {"bad_ref", "ref_ambiguous"}  # of what a person calls a commit to plan: no source is told such
    assert set(named("When it cannot be fetched")) == raised - asked


def test_the_mistake_that_is_shown_is_made() -> None:
    auth = GitAuth(ssh_key_secret="DEPLOY_KEY")
    with pytest.raises(GitConfigError) as caught:
        GitConfig(name="flows", url="git@git.example.org:team/flows.git", auth=auth)
    assert f"```console\n{caught.value}\n```" in PAGE
