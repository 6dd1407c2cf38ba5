"""Push webhooks over the API: signed by the forge, taken once, told nothing otherwise; they wake the sync."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from litestar.testing import TestClient

from api.app import create_app
from api.dependencies import Dependencies
from engine.forges import ForgeKind, HookConfig
from engine.keyring import Keyring
from engine.services.syncer import Syncer
from engine.store import commits, sources
from engine.sync.source import Halt, Snapshot
from tests.contract.api.play import Play
from tests.contract.api.test_hooks import KEY, SECRET
from tests.contract.sync.test_fates import Git
from tests.contract.sync.world import World, workflow
from tests.e2e.processes import until
from tests.unit.forges.deliveries import (
    COMMIT,
    NONE,
    PUSHES,
    SIGNING_TOKEN,
    Request,
    github,
    gitlab,
    gitlab_signature,
    signed,
)

OLD_SECRET = f"{SECRET}-of-before"


class Polled(Git):
    """A source that is looked at again and again, and pushed to meanwhile."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._lock = threading.Lock()

    @property
    def config(self) -> dict[str, Any]:
        return {"branch": "main", "namespace": self.name, "hook": HookConfig(ForgeKind.GITHUB, "PUSH").shown()}

    def push(self, commit: str) -> None:
        text = workflow("alpha", script=f"echo {commit}", extra=f"namespace: {self.name}\n")
        with self._lock:
            self.files, self.commit = {"a.yaml": text}, commit

    def fetch(self) -> Snapshot:
        with self._lock:
            return super().fetch()

    def wait(self, halt: Halt, timeout_seconds: float) -> bool:
        halt.wait(timeout_seconds)
        return True


@pytest.fixture
def api(play: Play) -> Iterator[TestClient]:
    app = create_app(
        Dependencies(
            database=play.database,
            broker=play.broker,
            clock=play.clock,
            sync_now=play.sync_asked,
            keyring=Keyring.of_text(KEY),
        )
    )
    with TestClient(app, base_url="http://127.0.0.1:8080") as client:
        yield client


@pytest.fixture
def source(api: TestClient, play: Play):
    """Enter a source with a hook; return a function that sends it what a forge sends."""

    def enter(kind: ForgeKind = ForgeKind.GITHUB, secret: str = SECRET, **config: Any):
        hook = HookConfig(kind, "PUSH").shown()
        shown = {"branch": "main", **config, "namespace": play.namespace, "hook": hook}
        with play.database.write() as connection:
            sources.enter(connection, play.namespace, "git", shown, play.clock())
        put = api.put(f"/api/v1/secrets/PUSH?namespace={play.namespace}", json={"value": secret})
        assert put.status_code < 300, put.text
        return lambda request: send(api, play, request)

    return enter


def send(api: TestClient, play: Play, request: Request):
    return api.post(f"/api/v1/sources/{play.namespace}/hook", content=request.body, headers=request.headers)


def entered(play: Play) -> list[tuple[str, str]]:
    with play.database.read() as connection:
        rows = commits.list_commits(connection, play.namespace, before=None, limit=10)
    return [(row.version, row.outcome) for row in rows]


def decided(play: Play) -> dict[str, str]:
    return dict(entered(play))


@pytest.mark.parametrize("kind", list(ForgeKind))
def test_a_push_has_the_source_synced_and_its_commit_waited_for(play, source, kind) -> None:
    answer = source(kind)(PUSHES[kind](SECRET))
    assert (answer.status_code, answer.json()) == (
        202,
        {"outcome": "synced", "message": f"{play.namespace} is being looked at", "commit": COMMIT},
    )
    assert play.synced == [play.namespace]
    assert entered(play) == [(COMMIT, "pending")]


def test_gitlabs_signing_token_is_taken(play, source) -> None:
    hook = source(ForgeKind.GITLAB, SIGNING_TOKEN)
    request = gitlab(SIGNING_TOKEN)
    assert hook(request).status_code == 401  # it was signed long ago
    assert play.synced == []
    now = int(play.clock().timestamp())
    fresh = request.headers | gitlab_signature(SIGNING_TOKEN, request.body, "d-2", now)
    assert hook(Request(fresh, request.body)).json()["outcome"] == "synced"
    assert play.synced == [play.namespace]


@pytest.mark.parametrize("kind", list(ForgeKind))
def test_the_previous_secret_counts_while_both_are_named(api, play, source, kind) -> None:
    source(kind)
    assert api.put(f"/api/v1/secrets/OLD?namespace={play.namespace}", json={"value": OLD_SECRET}).status_code < 300
    assert send(api, play, PUSHES[kind](OLD_SECRET)).status_code == 401
    shown = {"branch": "main", "namespace": play.namespace, "hook": HookConfig(kind, "PUSH", "OLD").shown()}
    with play.database.write() as connection:
        sources.enter(connection, play.namespace, "git", shown, play.clock())
    assert send(api, play, PUSHES[kind](OLD_SECRET)).status_code == 202
    assert send(api, play, PUSHES[kind](SECRET)).status_code == 202
    assert send(api, play, PUSHES[kind](f"{SECRET}-other")).status_code == 401
    assert api.delete(f"/api/v1/secrets/PUSH?namespace={play.namespace}").status_code < 300
    assert send(api, play, PUSHES[kind](OLD_SECRET)).status_code == 202, "one that is missing is no bar to the other"


def test_a_delivery_is_taken_once_a_day(play, source) -> None:
    hook = source()
    first, second = hook(github(SECRET)), hook(github(SECRET))
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert play.synced == [play.namespace]
    play.clock.forward(hours=25)
    assert hook(github(SECRET)).json()["outcome"] == "synced"
    assert play.synced == [play.namespace] * 2


@pytest.mark.parametrize(
    ("config", "ref", "followed"),
    [
        ({"branch": "main"}, "refs/heads/main", True),
        ({"branch": "main"}, "refs/heads/main/2", False),
        ({"branch": "main"}, "refs/tags/main", False),
        ({"branch": "", "tag": "v1"}, "refs/tags/v1", True),
        ({"branch": "", "tag": "v1"}, "refs/tags/v2", False),
        ({"branch": "", "semver": "^1"}, "refs/tags/v1.2.3", True),
        ({"branch": "", "semver": "^1"}, "refs/heads/main", False),
        ({"branch": "", "commit": COMMIT}, "refs/heads/main", False),
        ({"branch": ""}, "refs/heads/main", True),  # the default branch
        ({"branch": ""}, "refs/heads/wip", False),
    ],
)
def test_a_push_elsewhere_does_nothing(play, source, config, ref, followed) -> None:
    answer = source(**config)(github(SECRET, ref=ref))
    assert answer.status_code == 202
    assert answer.json()["outcome"] == ("synced" if followed else "ignored")
    assert play.synced == ([play.namespace] if followed else [])
    assert bool(entered(play)) == (followed and ref.startswith("refs/heads/"))


def test_a_ping_is_answered_and_other_events_are_none_of_ours(play, source) -> None:
    hook = source()
    assert hook(signed(ForgeKind.GITHUB, SECRET, {"zen": "x"}, event="ping")).json()["outcome"] == "pong"
    answer = hook(signed(ForgeKind.GITHUB, SECRET, {}, event="star")).json()
    assert (answer["outcome"], "'star'" in answer["message"]) == ("ignored", True)
    assert (play.synced, entered(play)) == ([], [])


def test_a_suspended_source_is_left_alone(play, source) -> None:
    hook = source()
    with play.database.write() as connection:
        assert sources.suspend(connection, play.namespace, "me", "moving house", play.clock())
    answer = hook(github(SECRET)).json()
    assert (answer["outcome"], "suspended" in answer["message"]) == ("ignored", True)
    assert (play.synced, entered(play)) == ([], [])


def test_a_forge_may_come_by_the_name_of_a_proxy(api, play, source) -> None:
    source()
    request = github(SECRET)
    named = {**request.headers, "Host": "flows.example.com", "Origin": "https://elsewhere.example.com"}
    assert send(api, play, Request(named, request.body)).status_code == 202
    assert api.get(f"/api/v1/sources/{play.namespace}", headers=named).status_code == 403


def test_a_branch_that_was_deleted_is_looked_at_and_nothing_waited_for(play, source) -> None:
    assert source()(github(SECRET, commit=NONE)).json()["commit"] is None
    assert (play.synced, entered(play)) == ([play.namespace], [])


def test_nothing_is_told_to_who_does_not_know_the_secret(api, play, source) -> None:
    refused = [source()(github("guess")), source()(Request({}, b"")), source()(Request({}, b"[" * 10_000))]
    refused.append(api.post("/api/v1/sources/nowhere/hook", content=b"{}"))
    play.files(w="tasks: {a: {run: echo}}\n")  # a source without a hook
    refused.append(send(api, play, github(SECRET)))
    assert {answer.status_code for answer in refused} == {401}
    assert len({answer.json()["detail"] for answer in refused}) == 1
    assert (play.synced, entered(play)) == ([], [])


@pytest.mark.parametrize(
    "body",
    [b"", b"[" * 100_000, b'{"ref": NaN}', b'{"ref": "\xff"}', b'{"ref": 1}'],
    ids=["empty", "deep", "NaN", "not UTF-8", "other"],
)
def test_a_signed_body_that_cannot_be_read_is_a_problem_of_the_body(play, source, body) -> None:
    answer = source()(signed(ForgeKind.GITHUB, SECRET, body))
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:chronoverse:problem:bad-body")
    assert answer.json()["detail"].startswith("body: ")
    assert (play.synced, entered(play)) == ([], [])


def test_a_body_is_bounded(play, source) -> None:
    answer = source()(signed(ForgeKind.GITHUB, SECRET, b'"' + b"x" * (25 << 20) + b'"'))
    assert (answer.status_code, f"{25 << 20} bytes" in answer.json()["detail"]) == (413, True)


def test_a_webhook_and_a_poll_that_race_apply_a_commit_once(api, play, source) -> None:
    """Pushes are announced while the source is polled all the time: each commit is live once, and none stays open."""
    hook = source()
    world = World(play.database)
    history = tuple(f"{number:040x}" for number in range(1, 9))
    git = Polled(name=play.namespace, history=history)
    git.push(history[0])
    syncer = Syncer(play.database, play.broker, [git], settle=lambda *_: [], look_seconds=0.01)
    syncer.start()
    try:
        for commit in history[1:]:
            git.push(commit)
            request = github(SECRET, commit=commit, delivery=commit)
            threads = [threading.Thread(target=hook, args=(request,)) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        until(
            lambda: decided(play).get(history[-1]) == "live" and "pending" not in decided(play).values(), 20, "an end"
        )
    finally:
        syncer.stop()
    ends = decided(play)
    assert set(ends) <= set(history)
    assert set(ends.values()) <= {"live", "superseded"}
    assert world.workflow("alpha", play.namespace).revision_count == sum(end == "live" for end in ends.values())
