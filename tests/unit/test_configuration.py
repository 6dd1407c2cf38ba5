"""The server's configuration file: every fault at its place, with the remedy; nothing that may be a secret is shown."""

from pathlib import Path

import pytest

from engine.configuration import ConfigurationError, check_configuration, read_configuration
from engine.sync.declarations import Declaration, open_source, rules_of
from engine.sync.folder import FolderSource
from engine.sync.git.source import GitSource
from engine.sync.source import Policy

WHOLE = b"""
sources:
  team:
    git:
      url: https://git.example.org/team/flows.git
      semver: ~1.4
      path: flows
      include: ["**/*.yaml"]
      interval: 30s
      auth: {token_secret: GIT_TOKEN}
    namespace: data
    namespaces: [data, "data.*"]
  here: {folder: {path: workflows}, policy: atomic, prune: false, suspended: true}
"""


def test_what_a_file_declares() -> None:
    found = check_configuration(WHOLE, "c.yaml")
    assert found.diagnostics == ()
    team, here = found.sources
    assert (team.name, team.kind, team.place, here.kind, here.suspended) == ("team", "git", "c.yaml:3", "folder", True)
    assert rules_of(team).policy is Policy.ATOMIC
    assert rules_of(team).namespaces == ("data", "data.*")
    assert (rules_of(here).policy, rules_of(here).prune) == (Policy.ATOMIC, False)


def test_declarations_become_sources(tmp_path: Path) -> None:
    team, here = check_configuration(WHOLE, "c.yaml").sources
    asked = []
    source = open_source(team, tmp_path, lambda *wanted: asked.append(wanted) or "token")
    assert isinstance(source, GitSource)
    assert (source.settings.interval_seconds, source.settings.semver, source.settings.path) == (30.0, "~1.4", "flows")
    assert source._fetcher._credentials.login().password == "token"
    assert asked == [("data", "GIT_TOKEN")]
    assert isinstance(open_source(here, tmp_path, lambda *_: ""), FolderSource)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sorces: {}\n", ("E0101", 1, 1)),
        ("sources: []\n", ("E0103", 1, 10)),
        ("sources:\n  A: {folder: {path: x}}\n", ("E0105", 2, 3)),
        ("sources:\n  a: {}\n", ("E0114", 2, 3)),
        ("sources:\n  a: {folder: {path: x}, polcy: atomic}\n", ("E0101", 2, 26)),
        ("sources:\n  a: {folder: {path: x}, namespaces: [Data]}\n", ("E0105", 2, 39)),
        ("sources:\n  a: {git: {url: 'https://x/y', branch: b, tag: t}}\n", ("E0105", 2, 44)),
        ("sources:\n  a: {git: {url: 'ftp://x/y'}}\n", ("E0105", 2, 13)),
        ("sources:\n  a: {git: {url: 'https://x/y', interval: 10ms}}\n", ("E0105", 2, 33)),
        (
            "sources:\n  a: {git: {url: 'https://x/y', auth: {username: me, password_secret: P, token_secret: T}}}\n",
            ("E0105", 2, 33),
        ),
        ("sources: {}\n---\nsources: {}\n", ("E0103", 3, 1)),
        ("sources: [\n", ("E0003", 2, 1)),
    ],
)
def test_a_fault_is_one_diagnostic_at_its_place(text: str, expected: tuple[str, int, int]) -> None:
    found = check_configuration(text.encode(), "c.yaml")
    assert found.sources == ()
    assert [(item.code, item.line, item.column) for item in found.diagnostics] == [expected]


def test_a_secret_put_in_the_place_of_its_name_is_not_repeated() -> None:
    text = b"sources:\n  a: {git: {url: 'https://x/y', auth: {token_secret: ghp_16C7e42F292c}}}\n"
    (found,) = check_configuration(text, "c.yaml").diagnostics
    assert (found.code, found.message) == ("E0105", "this is not a secret name")


def test_a_file_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        read_configuration(tmp_path / "none.yaml")
    (tmp_path / "c.yaml").write_text("sources: 5\n")
    with pytest.raises(ConfigurationError, match=r"c\.yaml:1:10"):
        read_configuration(tmp_path / "c.yaml")
    (tmp_path / "c.yaml").write_text("# nothing yet\n")
    assert read_configuration(tmp_path / "c.yaml").sources == ()


def test_two_declarations_are_the_same_wherever_they_stand() -> None:
    assert Declaration(name="a", spec={}, place="x:1") == Declaration(name="a", spec={}, place="y:2")
