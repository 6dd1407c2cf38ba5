"""Sources that are declared over the API."""

import uuid

import pytest
from sqlalchemy import select

from engine.store import declarations
from engine.store.tables import source_declarations, sources, workflows

GIT = {"git": {"url": "https://example.org/team/flows.git", "branch": "main"}}


@pytest.fixture
def name(api) -> str:
    return f"s-{uuid.uuid4().hex[:8]}"


def test_a_declared_source_is_there_until_it_is_removed(api, play, name):
    answer = api.post("/api/v1/sources", json={"name": name, **GIT, "namespaces": ["data.*"]})
    assert (answer.status_code, answer.json()["kind"], play.synced) == (201, "git", [name])
    with play.database.read() as connection:
        assert declarations.declared(connection)[name] == {**GIT, "namespaces": ["data.*"]}
    assert api.post("/api/v1/sources", json={"name": name, **GIT}).json()["type"].endswith(":conflict")
    changed = {"git": {**GIT["git"], "branch": "other"}}
    assert api.put(f"/api/v1/sources/{name}", json=changed).status_code == 200
    with play.database.read() as connection:
        assert declarations.declared(connection)[name] == changed
    assert api.delete(f"/api/v1/sources/{name}").json() == {"name": name, "archived": 0}
    assert api.get(f"/api/v1/sources/{name}").status_code == 404
    assert api.delete(f"/api/v1/sources/{name}").status_code == 404


@pytest.mark.parametrize(
    ("spec", "place", "hint"),
    [
        ({}, "name", "folder, git"),
        ({**GIT, "folder": {"path": "x"}}, "", "remove all but one"),
        ({"git": {"url": "https://x/y", "brnch": "main"}}, "git.brnch", "did you mean 'branch'?"),
        (
            {"git": {"url": "https://x/y", "auth": {"token_secret": "ghp_16C7e42F292c6912E7"}}},
            "git.auth.token_secret",
            "NAME",
        ),
        ({"git": {"url": "https://x/y", "auth": {"token_command": ["sh"]}}}, "git.auth.token_command", ""),
        ({"git": {"url": "https://me:word@x/y"}}, "git.url", ""),
        ({"git": {"url": "ssh://git@x/y"}}, "git.auth.ssh_key_secret", ""),
        ({"git": {"url": "https://x/y", "interval": "0s"}}, "git.interval", ""),
        ({**GIT, "policy": "strict"}, "policy", "atomic"),
        ({"folder": {"path": "a\0b"}}, "folder.path", ""),
    ],
)
def test_what_cannot_be_is_refused_at_its_place(api, play, name, spec, place, hint):
    answer = api.post("/api/v1/sources", json={"name": name, **spec})
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (422, "urn:chronoverse:problem:invalid-source"), problem
    assert any(place in error["place"] and hint in error["hint"] + error["message"] for error in problem["errors"]), (
        problem
    )
    for secret in ("ghp_16C7e42F292c6912E7", "word@"):
        assert secret not in answer.text, "what may be a secret is shown"
    with play.database.read() as connection:
        assert name not in declarations.declared(connection)


def test_what_the_server_declares_itself_is_changed_there(api, play, name):
    play.files(one="tasks:\n  a: {run: x}\n")
    for answer in (
        api.delete(f"/api/v1/sources/{play.namespace}"),
        api.put(f"/api/v1/sources/{play.namespace}", json=GIT),
    ):
        assert (answer.status_code, "chronoverse.yaml" in answer.json()["detail"]) == (409, True)


@pytest.mark.parametrize("choice", ["archive", "keep"])
def test_removal_archives_or_keeps(api, play, choice):
    play.files(one="tasks:\n  a: {run: x}\n")
    with play.database.write() as connection:  # as if it had been declared over the API
        now = play.database.now()
        connection.execute(
            source_declarations.insert().values(name=play.namespace, spec=GIT, created_at=now, updated_at=now)
        )
    archived = int(choice == "archive")
    answer = api.delete(f"/api/v1/sources/{play.namespace}", params={"workflows": choice})
    assert answer.json() == {"name": play.namespace, "archived": archived}
    with play.database.read() as connection:
        row = connection.execute(select(workflows.c.archived_at).where(workflows.c.namespace == play.namespace)).one()
        assert connection.execute(select(sources.c.name).where(sources.c.name == play.namespace)).all() == []
    assert (row.archived_at is not None) == (choice == "archive")


def test_a_source_rests_and_goes_on(api, play):
    play.files(one="tasks:\n  a: {run: x}\n")
    path = f"/api/v1/sources/{play.namespace}"
    shown = api.post(f"{path}/suspend", json={"reason": "migration"}).json()
    assert (shown["suspended"]["reason"], shown["config"].get("suspended")) == ("migration", None)
    again = api.post(f"{path}/suspend", json={"reason": "other"}).json()
    assert again["suspended"] == shown["suspended"]
    assert api.post(f"{path}/resume").json()["suspended"] is None
    assert api.post("/api/v1/sources/nobody/suspend").status_code == 404


@pytest.mark.parametrize("path", ["/api/v1/sources", "/api/v1/workflows/default/none/runs"])
def test_a_body_without_a_bottom_is_refused(api, path):
    body = b'{"name": "x", "git": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}"
    answer = api.post(path, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (400, "bad-body")


@pytest.mark.parametrize("path", ["sources/%00", "workflows/a/%00", "sources/x/commits?cursor=%00", "runs?state=%00"])
def test_what_no_database_can_hold_is_refused_before_it_is_asked(api, path):
    answer = api.get(f"/api/v1/{path}")
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (400, "bad-parameter")
