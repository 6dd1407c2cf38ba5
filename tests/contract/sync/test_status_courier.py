"""Forges are told what became of commits: at least once, the newest only, in time; one that is shut is left alone."""

import base64
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from engine.forges import ForgeKind, StatusConfig
from engine.keyring import Keyring
from engine.services.secrets import Secrets
from engine.services.status_courier import StatusCourier
from engine.store import sources
from engine.store.commits import CommitRow
from tests.contract.sync import test_fates
from tests.contract.sync.forge import TOKEN, ForgeServer
from tests.contract.sync.test_fates import A, B, C, Git, announced, at
from tests.contract.sync.world import FAULTY, World, workflow
from tests.e2e.processes import until
from tests.serving import serving

PUBLIC = "https://flows.example.com"
SUCCESS = {
    ForgeKind.GITHUB: "success",
    ForgeKind.GITLAB: "success",
    ForgeKind.GITEA: "success",
    ForgeKind.BITBUCKET: "SUCCESSFUL",
}
STATES = {
    ForgeKind.GITHUB: ["pending", "success", "failure", "error"],
    ForgeKind.GITLAB: ["pending", "success", "failed", "canceled"],
    ForgeKind.GITEA: ["pending", "success", "failure", "warning"],
    ForgeKind.BITBUCKET: ["INPROGRESS", "SUCCESSFUL", "FAILED", "STOPPED"],
}


class Reported(Git):
    """A source whose forge is told. `shown` is its configuration."""

    shown: dict[str, Any]

    @property
    def config(self) -> dict[str, Any]:
        return self.shown


class Scene:
    """A world, one source, its forge, and the courier between them."""

    def __init__(self, world: World, server: ForgeServer) -> None:
        self.world, self.server = world, server
        config = StatusConfig(server.kind, "TOKEN", api=f"{server.host}{server.api.base}")
        self.git = Reported()
        self.git.shown = {"namespace": "default", "url": server.repository, "status": config.shown()}
        with world.database.write() as connection:
            sources.enter(connection, self.git.name, "git", self.git.shown, world.clock())
        self.secrets = Secrets(world.database, Keyring.of_text(base64.b64encode(bytes(32)).decode()))
        self.secrets.put("default", "TOKEN", TOKEN)
        self.courier = StatusCourier(world.database, self.secrets, public_url=PUBLIC, clock=world.clock)

    def push(self, commit: str, text: str = "") -> None:
        at(self.world, self.git, commit, text)

    def announce(self, commit: str) -> None:
        announced(self.world, commit, report=True)

    def tell(self) -> list[str]:
        """Tell what is due; return the states that came newly, in order."""
        before = {commit: len(told) for commit, told in self.server.told.items()}
        self.courier.tell_due()
        return [
            said["state"] for commit, told in sorted(self.server.told.items()) for said in told[before.get(commit, 0) :]
        ]

    def of(self, commit: str) -> CommitRow:
        return test_fates.of(self.world, commit)

    def configure(self, **config: str) -> None:
        self.git.shown["status"] |= config
        self.world.restart()


@pytest.fixture
def scene(world: World) -> Iterator[Callable[..., Scene]]:
    scenes: list[Scene] = []
    servers: list[Any] = []

    def make(kind: ForgeKind = ForgeKind.GITHUB) -> Scene:
        context = serving(ForgeServer(kind))
        servers.append(context)
        scenes.append(Scene(world, context.__enter__()))
        return scenes[-1]

    yield make
    for made in scenes:
        made.courier.stop()
    for server in servers:
        server.__exit__(None, None, None)


@pytest.mark.parametrize("kind", list(ForgeKind))
def test_each_forge_is_told_in_its_own_words(scene, kind) -> None:
    forge = scene(kind)
    pending, success, failure, stopped = STATES[kind]
    forge.announce(A)
    assert forge.tell() == [pending]
    forge.push(A)
    assert forge.tell() == [success]
    forge.announce(B)
    forge.push(C, FAULTY)
    assert forge.tell() == [stopped, failure]
    assert forge.tell() == []
    [said] = forge.server.told[C]
    assert said["description"] == "a.yaml:3: unknown field 'neds'"
    assert said.get("target_url", said.get("url")) == f"{PUBLIC}/api/v1/sources/repo/commits/{C}"
    assert [forge.of(commit).status_error for commit in (A, B, C)] == ["", "", ""]


@pytest.mark.parametrize("kind", list(ForgeKind))
def test_many_long_faults_are_cut_to_what_the_forge_takes(scene, kind) -> None:
    forge = scene(kind)
    tasks = "\n".join(f"  task{number}: {{run: x, {'long' * 20}{number}: 1}}" for number in range(30))
    forge.push(A, f"name: alpha\ntasks:\n{tasks}\n")
    forge.tell()
    [said] = forge.server.told[A]
    assert said["description"].startswith("a.yaml:3: unknown field")
    assert said["description"].endswith("…")


def test_only_the_newest_outcome_is_told(scene) -> None:
    forge = scene()
    forge.announce(A)
    forge.push(A)
    assert forge.tell() == ["success"]


def test_an_outcome_that_changes_while_the_old_one_is_told_is_told_too(scene, monkeypatch) -> None:
    forge = scene()
    forge.announce(A)
    take = forge.server.take

    def meanwhile(*given: Any) -> Any:
        monkeypatch.setattr(forge.server, "take", take)
        answer = take(*given)
        forge.world.clock.forward(seconds=1)
        forge.push(A)
        return answer

    monkeypatch.setattr(forge.server, "take", meanwhile)
    assert forge.tell() == ["pending"]
    assert forge.tell() == ["success"]
    assert forge.tell() == []


def test_an_answer_that_got_lost_has_the_forge_told_again(scene) -> None:
    """GitLab refuses the state that it has already: then it has been told."""
    forge = scene(ForgeKind.GITLAB)
    forge.push(A)
    forge.server.told[A] = [{"state": "success"}]
    assert forge.tell() == []
    assert forge.of(A).status_error == ""
    forge.world.clock.forward(days=2)
    forge.tell()
    assert forge.server.asked == 1


def test_a_forge_that_fails_is_asked_again_later_and_given_up_in_the_end(scene) -> None:
    forge = scene()
    forge.push(A)
    forge.server.refusals = [(502, {}, "<html>down")] * 30
    assert forge.tell() == []
    assert forge.of(A).status_error.endswith("answered 502: <html>down")
    assert forge.server.asked == 1
    assert forge.tell() == []
    assert forge.server.asked == 1  # its time has not come
    for _ in range(15):
        forge.world.clock.forward(hours=13)
        forge.tell()
    assert forge.server.asked == 10
    forge.server.refusals = []
    forge.push(B)
    assert forge.tell() == ["success"]


def closed(status: int, **headers: str) -> tuple[int, dict[str, str], str]:
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, '{"message": "slow down"}'


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"Retry_After": "30"}, 30),
        (403, {"Retry_After": "30"}, 30),
        (403, {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "+90"}, 90),
        (429, {"RateLimit_Reset": "+90"}, 90),
        (429, {"Retry_After": "date"}, 45),
        (429, {}, 60),
        (429, {"Retry_After": "soon", "X_RateLimit_Reset": "x"}, 60),
        (429, {"Retry_After": "9999999"}, 7200),
    ],
)
def test_a_forge_that_limits_is_left_alone_until_it_says(scene, status, headers, seconds) -> None:
    forge = scene()
    now = forge.world.clock.now
    marks = {"+90": str(int(now.timestamp()) + 90), "date": format_datetime(now + timedelta(seconds=45), usegmt=True)}
    forge.push(A)
    forge.push(B)
    forge.server.refusals = [closed(status, **{name: marks.get(value, value) for name, value in headers.items()})]
    assert forge.tell() == []
    assert forge.server.asked == 1  # the second was not even tried
    forge.world.clock.forward(seconds=seconds - 1)
    assert forge.tell() == []
    assert forge.server.asked == 1
    forge.world.clock.forward(seconds=1)
    assert forge.tell() == ["success", "success"]
    assert [forge.of(commit).status_tries for commit in (A, B)] == [0, 0]


def test_a_refusal_without_a_limit_is_no_limit(scene) -> None:
    forge = scene()
    forge.push(A)
    forge.server.refusals = [(403, {"X-RateLimit-Remaining": "4999"}, f"no {TOKEN}")]
    forge.tell()
    assert (forge.of(A).status_tries, TOKEN in forge.of(A).status_error) == (1, False)
    forge.world.clock.forward(seconds=6)
    assert forge.tell() == ["success"]


def test_a_limit_of_one_forge_is_none_of_another(scene) -> None:
    one, other = scene(ForgeKind.GITHUB), scene(ForgeKind.GITEA)
    other.git.name = "other"
    one.push(A)
    other.git.files = {"b.yaml": workflow("beta")}
    other.git.commit = A
    other.world.sync(other.git)
    one.server.refusals = [closed(429)]
    one.courier.tell_due()
    assert [said["state"] for said in other.server.told[A]] == ["success"]
    assert one.server.told == {}


def test_a_redirect_is_not_followed_with_the_token(scene) -> None:
    forge, elsewhere = scene(), scene()
    forge.push(A)
    forge.server.refusals = [(307, {"Location": f"{elsewhere.server.host}/api/v3"}, "moved")]
    forge.tell()
    assert (elsewhere.server.asked, "answered 307" in forge.of(A).status_error) == (0, True)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"token": "NONE"}, "there is no secret NONE"),
        ({"api": "http://forge.example.com/api/v3"}, "in plain text"),
        ({"api": "http://127.0.0.1:1"}, "does not answer"),
        ({"forge": "cvs"}, "'cvs' is no forge"),
    ],
)
def test_what_cannot_be_told_says_why_and_holds_up_nothing(scene, config, said) -> None:
    forge = scene()
    forge.configure(**config)
    forge.push(A)
    forge.tell()
    assert said in forge.of(A).status_error
    assert forge.of(A).outcome == "live"


def test_who_wants_no_statuses_has_none(scene) -> None:
    forge = scene()
    del forge.git.shown["status"]
    forge.push(A)
    forge.tell()
    assert forge.server.asked == 0


def test_the_loop_tells_at_once_when_it_is_woken(scene) -> None:
    forge = scene()
    forge.courier.start()
    forge.push(A)
    forge.courier.wake()
    until(lambda: forge.server.told.get(A), 10, "the forge was told")
