"""What a source's configuration says of its forge, and where the repository is there."""

from pathlib import Path

import pytest

from engine.forges import FORGES, ForgeConfigError, ForgeKind, HookConfig, StatusConfig
from engine.forges.whereabouts import repository_of
from engine.sync.declarations import Declaration, DeclarationError, check, open_source

STATUS = {"forge": "github", "token": "TOKEN"}


def where(url: str, forge: str = "github", **given: str) -> tuple[str, str, str]:
    config = StatusConfig.read({"forge": forge, "token": "TOKEN", **given})
    found = repository_of(url, FORGES[config.forge], config, "token")
    return found.api, found.path, found.web


def test_what_is_read_is_shown_again() -> None:
    hook = HookConfig.read({"forge": "forgejo", "secret": "PUSH"})
    assert hook == HookConfig(ForgeKind.GITEA, "PUSH")
    assert HookConfig.read(hook.shown()) == hook
    both = HookConfig.read({**hook.shown(), "previous_secret": "OLD"})
    assert (both.secrets, HookConfig.read(both.shown())) == (["PUSH", "OLD"], both)
    for given in (STATUS, {**STATUS, "api": "https://x/api", "repository": "a/b", "context": "flows"}):
        status = StatusConfig.read(given)
        assert StatusConfig.read(status.shown()) == status


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ("github", "status"),
        ({}, "status.forge"),
        ({"forge": "github"}, "status.token"),
        ({**STATUS, "forge": "cvs"}, "status.forge"),
        ({**STATUS, "tokn": "X"}, "status.tokn"),
        ({**STATUS, "api": "x"}, "status.api"),
        ({**STATUS, "context": 7}, "status.context"),
    ],
)
def test_each_mistake_names_its_field(given: object, place: str) -> None:
    with pytest.raises(ForgeConfigError) as caught:
        StatusConfig.read(given)
    assert caught.value.place == place


@pytest.mark.parametrize(
    ("url", "forge", "found"),
    [
        ("https://github.com/octo/flows.git", "github", ("https://api.github.com", "octo/flows")),
        ("git@github.com:octo/flows.git", "github", ("https://api.github.com", "octo/flows")),
        ("https://git.example.com:8443/octo/flows", "github", ("https://git.example.com:8443/api/v3", "octo/flows")),
        ("ssh://git@gitlab.com:2222/a/b/c.git", "gitlab", ("https://gitlab.com/api/v4", "a/b/c")),
        ("https://codeberg.org/octo/flows", "codeberg", ("https://codeberg.org/api/v1", "octo/flows")),
        ("https://bitbucket.org/octo/flows.git", "bitbucket", ("https://api.bitbucket.org/2.0", "octo/flows")),
        ("http://127.0.0.1:3000/octo/flows.git", "gitea", ("http://127.0.0.1:3000/api/v1", "octo/flows")),
        ("https://[::1]:3000/octo/flows.git", "gitea", ("https://[::1]:3000/api/v1", "octo/flows")),
    ],
)
def test_the_repository_is_found_by_its_url(url: str, forge: str, found: tuple[str, str]) -> None:
    assert where(url, forge)[:2] == found


def test_it_may_be_said_where_the_url_does_not_tell() -> None:
    found = where("file:///srv/flows.git", "gitea", api="https://git.example.com/api/v1/", repository="octo/flows")
    assert found[:2] == ("https://git.example.com/api/v1", "octo/flows")


@pytest.mark.parametrize(
    ("url", "given", "place"),
    [
        ("file:///srv/flows.git", {}, "status.api"),
        ("file:///srv/flows.git", {"api": "https://x/api"}, "status.repository"),
        ("https://github.com/flows.git", {}, "status.repository"),
        ("http://git.example.com/octo/flows", {}, "status.api"),
        ("https://git.example.com/octo/flows", {"api": "http://git.example.com"}, "status.api"),
        ("https://", {}, "url"),
    ],
)
def test_what_cannot_be_told_is_named(url: str, given: dict[str, str], place: str) -> None:
    with pytest.raises(ForgeConfigError) as caught:
        where(url, **given)
    assert caught.value.place == place


def declared(**git: object) -> Declaration:
    return Declaration(name="flows", spec={"git": {"url": "https://github.com/octo/flows", "branch": "main", **git}})


def test_a_declared_source_shows_its_forge_and_no_secret(tmp_path: Path) -> None:
    hook = {"forge": "github", "secret": "PUSH"}
    source = open_source(declared(hook=hook, status=STATUS), tmp_path, lambda _namespace, _name: "")
    assert source.config["hook"] == hook
    assert source.config["status"] == {**STATUS, "context": "chronoverse"}
    source.close()
    plain = open_source(declared(), tmp_path, lambda _namespace, _name: "")
    assert not {"hook", "status"} & plain.config.keys()
    plain.close()


@pytest.mark.parametrize(
    ("git", "path"),
    [
        ({"hook": {"forge": "cvs", "secret": "PUSH"}}, ("git", "hook", "forge")),
        (
            {"hook": {"forge": "github", "secret": "PUSH", "previous_secret": "PUSH"}},
            ("git", "hook", "previous_secret"),
        ),
        ({"url": "file:///srv/flows.git", "status": STATUS}, ("git", "status", "api")),
        ({"url": "http://git.example.com/a/b", "status": STATUS}, ("git", "status", "api")),
    ],
)
def test_a_declaration_that_cannot_be_so_is_refused_at_its_place(git: dict[str, object], path: tuple[str, ...]) -> None:
    with pytest.raises(DeclarationError) as caught:
        check(declared(**git), servers_own=True)
    assert caught.value.path == path
