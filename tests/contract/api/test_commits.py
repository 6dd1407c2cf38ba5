"""What became of commits, over the API: listed, shown, and waited for."""

import threading
import time

import pytest
from litestar.testing import TestClient

from api.app import create_app
from api.dependencies import Dependencies
from engine.services.commits import topic_of
from engine.services.notifier import RunNotifier
from engine.store import commits
from tests.contract.api.play import Play
from tests.contract.sync.test_fates import A, B, C, Git
from tests.contract.sync.world import FAULTY, World, workflow


@pytest.fixture
def notifier() -> RunNotifier:
    return RunNotifier()


@pytest.fixture
def api(play: Play, notifier: RunNotifier):
    app = create_app(Dependencies(database=play.database, broker=play.broker, clock=play.clock, notifier=notifier))
    with TestClient(app, base_url="http://127.0.0.1:8080") as client:
        yield client


@pytest.fixture
def git(play: Play) -> Git:
    return Git(name=play.namespace)


@pytest.fixture
def world(play: Play) -> World:
    return World(play.database)


def push(world: World, git: Git, commit: str, text: str = "") -> None:
    git.commit, git.author = commit, "Ada <ada@example.com>"
    namespaced = text or workflow("alpha", script=f"echo {commit}", extra=f"namespace: {git.name}\n")
    world.sync(git, a=namespaced)


def enter(play: Play, commit: str) -> None:
    with play.database.write() as connection:
        commits.see(connection, play.namespace, commit, play.clock(), author="", title="", report=False)


def url(play: Play, rest: str = "") -> str:
    return f"/api/v1/sources/{play.namespace}/commits{rest}"


def test_commits_are_listed_the_last_first(api, play, world, git) -> None:
    push(world, git, A)
    push(world, git, B, FAULTY)
    page = api.get(url(play), params={"limit": 1}).json()
    assert [item["commit"] for item in page["items"]] == [B]
    rest = api.get(url(play), params={"limit": 1, "cursor": page["next"]}).json()
    assert [(item["commit"], item["outcome"], item["current"]) for item in rest["items"]] == [(A, "live", True)]
    assert rest["next"] is None


def test_one_rejected_is_shown_with_file_and_line_by_the_beginning_of_its_name(api, play, world, git) -> None:
    push(world, git, A)
    push(world, git, B, FAULTY)
    shown = api.get(url(play, f"/{B[:7].upper()}")).json()
    assert (shown["commit"], shown["outcome"], shown["current"]) == (B, "rejected", False)
    assert (shown["author"], shown["title"]) == ("Ada <ada@example.com>", "commit b")
    assert [(item["file"], item["line"]) for item in shown["diagnostics"]] == [("a.yaml", 3)]


def test_one_that_is_decided_is_not_waited_for(api, play, world, git) -> None:
    push(world, git, A)
    begin = time.monotonic()
    assert api.get(url(play, f"/{A}"), params={"wait": 300}).json()["outcome"] == "live"
    assert time.monotonic() - begin < 10


def waiting(api, play, notifier, sha: str) -> tuple[threading.Thread, list]:
    """Ask and wait; return when the request is being waited on."""
    answers: list = []
    followed = threading.Event()
    follow = notifier.follow

    def watched(topic, callback) -> None:
        follow(topic, callback)
        followed.set()

    notifier.follow = watched
    thread = threading.Thread(target=lambda: answers.append(api.get(url(play, f"/{sha}"), params={"wait": 60})))
    thread.start()
    assert followed.wait(10)
    return thread, answers


@pytest.mark.parametrize("entered", [True, False])
def test_one_that_is_not_decided_or_not_even_seen_is_waited_for(api, play, world, git, notifier, entered) -> None:
    push(world, git, A)
    if entered:
        enter(play, B)
    thread, answers = waiting(api, play, notifier, B)
    push(world, git, B)
    notifier.notify([topic_of(play.namespace)])
    thread.join(30)
    assert (answers[0].status_code, answers[0].json()["outcome"]) == (200, "live")


def test_after_the_wait_one_seen_is_pending_and_one_unseen_unknown(api, play, world, git) -> None:
    push(world, git, A)
    enter(play, B)
    assert api.get(url(play, f"/{B}"), params={"wait": 0.01}).json()["outcome"] == "pending"
    answer = api.get(url(play, f"/{C}"), params={"wait": 0.01})
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        f"there is no commit {C} of source {play.namespace} among those that were seen",
    )


def test_one_overtaken_names_its_successor(api, play, world, git) -> None:
    push(world, git, A)
    enter(play, B)
    push(world, git, C)
    shown = api.get(url(play, f"/{B}")).json()
    assert (shown["outcome"], shown["superseded_by"]) == ("superseded", C)


@pytest.mark.parametrize(
    ("path", "params", "place"),
    [("/zzzzzzz", {}, "path.sha"), ("/abc", {}, "path.sha"), (f"/{A}", {"wait": 301}, "query.wait")],
)
def test_what_cannot_be_asked_is_named(api, play, world, git, path, params, place) -> None:
    push(world, git, A)
    answer = api.get(url(play, path), params=params)
    assert (answer.status_code, answer.json()["errors"][0]["place"]) == (400, place)


def test_a_name_that_means_several_is_refused(api, play, world, git) -> None:
    push(world, git, A)
    for last in "01":
        enter(play, "f" * 39 + last)
    answer = api.get(url(play, "/" + "f" * 10))
    assert (answer.status_code, "several commits" in answer.json()["detail"]) == (400, True)


def test_an_unknown_source_is_not_waited_for(api) -> None:
    begin = time.monotonic()
    assert api.get(f"/api/v1/sources/nowhere/commits/{A}", params={"wait": 60}).status_code == 404
    assert time.monotonic() - begin < 10
