"""What other tools have come to grief by, against a real git server: the table in docs/sync.md names these tests."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import select

from engine.store import commits
from engine.store.tables import commits as table
from tests.integration.git_play import flow
from tests.integration.rabbitmq_play import until
from tests.integration.test_git_faults import running
from tests.integration.test_git_sync import Place, Server, status
from tests.services.git_http import GitHttp

MANY = {f"{number}.yaml": flow(f"w{number}") for number in range(20)}
SYNCER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from engine.store.database import Database
from tests.integration.git_play import make_source
from tests.integration.test_git_sync import Server
directory = Path(sys.argv[3])
Server(Database.open(f"sqlite:///{directory / 'test.db'}"), make_source(sys.argv[2], directory / "state")).sync()
"""


@pytest.fixture
def place(git_http: GitHttp, tmp_path: Path) -> Iterator[Place]:
    git_http.reset()
    place = Place(git_http, tmp_path)
    yield place
    git_http.reset()
    place.database.close()


def fates(place: Place) -> dict[str, tuple[str, str | None]]:
    with place.database.read() as connection:
        rows = connection.execute(select(table.c.version, table.c.outcome, table.c.superseded_by))
        return {row.version: (row.outcome, row.superseded_by) for row in rows}


def arriving(place: Place) -> bool:
    """Whether a mirror has been begun, and its pack is on its way."""
    return len(place.http.requests) >= 2 and any((place.directory / "state").glob("*.tmp/mirror.git"))


def test_a_commit_that_lands_between_two_resolves_is_not_mixed_with_the_one_before(place: Place) -> None:
    """Its files are of one commit: of the one that was looked up, or of the one that landed, and never of both."""
    server = place.server()
    place.push({"a.yaml": flow("alpha"), "b.yaml": flow("beta")})
    server.sync()
    second = place.push({"a.yaml": flow("alpha", "two"), "b.yaml": flow("beta", "two")})
    landed: list[str] = []

    def land() -> None:
        if not landed:
            landed.append(place.push({"a.yaml": flow("alpha", "three"), "b.yaml": flow("beta", "three")}))

    place.http.before_post = land
    server.sync()
    [third] = landed
    assert set(place.live().values()) in ({second}, {third})
    server.sync()
    assert place.live() == {"alpha": third, "beta": third}
    assert fates(place)[third] == ("live", None)


def slowly(place: Place) -> None:
    """Have what is fetched come a byte at a time."""

    def slow() -> None:
        place.http.trickle_seconds = 0.002

    place.http.before_post = slow


def test_a_fetch_that_is_killed_midway_is_made_anew(place: Place) -> None:
    """What a killed transfer has left is never read: the same sync begins again, with a new mirror."""
    server = place.server()
    first = place.push({"a.yaml": flow("alpha")})
    server.sync()
    commit = place.push(MANY)
    slowly(place)
    before = len(place.http.requests)
    thread = threading.Thread(target=server.sync)
    thread.start()
    until(lambda: len(place.http.requests) >= before + 2, "the pack is on its way")
    assert place.live() == {"alpha": first}
    [transfer] = running(psutil.Process())
    place.http.before_post = lambda: None
    place.http.trickle_seconds = 0
    transfer.send_signal(signal.SIGKILL)
    thread.join(30)
    assert place.live() == {"alpha": first} | {f"w{number}": commit for number in range(len(MANY))}
    assert fates(place)[commit] == ("live", None)


def test_a_syncer_that_is_killed_midway_leaves_the_next_nothing_broken(place: Place) -> None:
    commit = place.push(MANY)
    slowly(place)
    root = str(Path(__file__).parents[2])
    syncer = subprocess.Popen([sys.executable, "-c", SYNCER, root, place.url, str(place.directory)])
    try:
        until(lambda: arriving(place), "the pack is on its way")
    finally:
        syncer.kill()
        syncer.wait(20)
    assert place.live() == {}
    place.http.reset()
    server = place.server()
    assert status(server.sync())["applied"] == (True, "applied")
    assert set(place.live().values()) == {commit}
    assert fates(place) == {commit: ("live", None)}
    assert [path.suffix for path in (place.directory / "state").iterdir() if path.is_dir()] == [".git"]


def test_a_commit_that_was_announced_and_superseded_before_it_was_applied(place: Place) -> None:
    server = place.server()
    place.push({"a.yaml": flow("alpha", "one")})
    server.sync()
    second = place.push({"a.yaml": flow("alpha", "two")})
    with place.database.write() as connection:
        commits.see(connection, "main", second, place.database.now(), author="", title="", report=False)
    third = place.push({"a.yaml": flow("alpha", "three")})
    server.sync()
    assert place.live() == {"alpha": third}
    assert (fates(place)[second], fates(place)[third]) == (("superseded", third), ("live", None))


@pytest.mark.parametrize("what", ["a repository that is emptied", "access that is revoked"])
def test_what_comes_back_goes_on(place: Place, what: str) -> None:
    server: Server = place.server(branch="main")
    first = place.push({"a.yaml": flow("alpha"), "b.yaml": flow("beta")})
    server.sync()
    identity = place.identity("alpha")
    if what == "access that is revoked":
        place.http.accounts = {"nobody": "here"}
    else:
        place.repository.delete("refs/heads/main")
    assert status(server.sync())["fetched"][0] is False
    assert place.live() == {"alpha": first, "beta": first}
    place.http.reset()
    last = place.push({"a.yaml": flow("alpha", "two"), "b.yaml": flow("beta")}, date=1_800_000_000)
    server.sync()
    assert (place.live()["alpha"], place.identity("alpha")) == (last, identity)
    assert fates(place)[last] == ("live", None)
