"""The syncer over a real folder: saved files go live, and the rest of the engine hears of it."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from engine.broker.memory import MemoryBroker
from engine.broker.messages import Prepare, decode
from engine.clock import new_id
from engine.services import source_sync
from engine.services.firing import Firings
from engine.services.revision_cache import RevisionCache
from engine.services.scheduler import Scheduler
from engine.services.syncer import Syncer
from engine.store.database import Database
from engine.store.schema import migrate
from engine.store.tables import runs, workflows
from engine.sync.folder import FolderSource
from engine.sync.reconcile import Outcome
from engine.telemetry.instruments import LATENESS
from tests.recorded import Recorded

SECONDS_MAX = 20.0
HELLO = "name: hello\ntasks:\n  only: {run: echo hi}\n"


class Synced:
    """A syncer over a folder. `turn` waits until it has applied something or shown diagnostics once more."""

    def __init__(self, directory: Path) -> None:
        self.folder = directory / "workflows"
        self.folder.mkdir()
        self.database = Database.open(f"sqlite:///{directory / 'test.db'}")
        migrate(self.database)
        self.broker = MemoryBroker()
        self.broker.declare(["default"])
        self.applied = threading.Semaphore(0)
        self.loaded = 0
        self.on_applied: Callable[[], None] = self.applied.release
        self.shown: list[Outcome] = []
        self.seen = threading.Semaphore(0)
        settle = Firings(RevisionCache(self.database), new_id).settle
        self.syncer = Syncer(
            self.database,
            self.broker,
            [FolderSource("workflows", self.folder)],
            settle=settle,
            on_applied=self._applied,
            on_loaded=self._loaded,
            show=self._show,
        )

    def _applied(self) -> None:
        self.on_applied()

    def _loaded(self) -> None:
        self.loaded += 1

    def _show(self, source: str, outcome: Outcome) -> None:
        assert source == "workflows"
        self.shown.append(outcome)
        self.seen.release()

    def save(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def live(self) -> dict[str, int]:
        with self.database.read() as connection:
            rows = connection.execute(select(workflows.c.name, workflows.c.revision_count))
            return {row.name: row.revision_count for row in rows}


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS_MAX
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < end
        pause.wait(0.005)


@pytest.fixture
def synced(tmp_path: Path) -> Iterator[Synced]:
    synced = Synced(tmp_path)
    yield synced
    synced.syncer.stop()
    synced.database.close()


def test_a_saved_file_goes_live_at_once(synced: Synced) -> None:
    synced.save("hello.yaml", HELLO)
    synced.syncer.start()
    assert synced.applied.acquire(timeout=SECONDS_MAX)
    assert synced.live() == {"hello": 1}
    taken = []
    for number in range(5):
        saved_at = time.monotonic()
        synced.save("hello.yaml", HELLO.replace("hi", f"hi {number}"))
        assert synced.applied.acquire(timeout=SECONDS_MAX)
        taken.append(time.monotonic() - saved_at)
    assert synced.live() == {"hello": 6}
    assert min(taken) <= 0.2, taken  # the target; the least of five, since other tests may keep the machine busy


def test_diagnostics_are_shown_once_and_again_when_they_are_others(synced: Synced) -> None:
    synced.save("hello.yaml", HELLO)
    synced.save("bad.yaml", HELLO.replace("tasks", "taks"))
    synced.syncer.start()
    assert synced.seen.acquire(timeout=SECONDS_MAX)
    assert {item.file for item in synced.shown[0].state.diagnostics} == {"bad.yaml"}
    assert synced.applied.acquire(timeout=SECONDS_MAX)
    synced.save("hello.yaml", HELLO.replace("hi", "ho"))
    assert synced.applied.acquire(timeout=SECONDS_MAX)
    assert len(synced.shown) == 1
    synced.save("bad.yaml", HELLO.replace("hello", "second"))
    assert synced.seen.acquire(timeout=SECONDS_MAX)
    assert synced.shown[1].state.diagnostics == ()


def test_pools_are_asked_for_the_images_of_what_goes_live(synced: Synced) -> None:
    asked = synced.broker.broadcasts(["big"])
    synced.save("a.yaml", 'name: a\ntasks:\n  only: {container: {image: "x:1"}, run: echo, pool: big}\n')
    synced.syncer.start()
    body = asked.get(SECONDS_MAX)
    assert body is not None
    message = decode(body)
    assert isinstance(message, Prepare)
    assert (message.workflow, message.images) == ("a", ["x:1"])


def test_a_folder_made_later_is_found(synced: Synced, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "engine")
    synced.folder.rmdir()
    synced.syncer.start()
    until(lambda: "not fetched" in caplog.text)
    synced.folder.mkdir()
    synced.save("hello.yaml", HELLO)
    assert synced.applied.acquire(timeout=SECONDS_MAX)
    assert synced.live() == {"hello": 1}
    said = [record.getMessage() for record in caplog.records]
    assert [text.splitlines()[0] for text in said] == [
        f"source workflows: not fetched: the folder {synced.folder} is not there",
        "source workflows: added default/hello",
        "source workflows: fetched again",
    ]


def test_a_source_can_be_synced_on_demand(synced: Synced, monkeypatch: pytest.MonkeyPatch) -> None:
    synced.save("hello.yaml", HELLO)
    monkeypatch.setattr(FolderSource, "_concerns", lambda self, path: False)
    synced.syncer.start()
    assert synced.applied.acquire(timeout=SECONDS_MAX)
    synced.save("hello.yaml", HELLO.replace("hi", "ho"))
    assert not synced.syncer.sync_now("another")
    assert synced.syncer.sync_now("workflows")
    assert synced.applied.acquire(timeout=SECONDS_MAX)


def test_it_stops_at_once_and_twice(synced: Synced) -> None:
    synced.save("hello.yaml", HELLO)
    synced.syncer.start()
    assert synced.applied.acquire(timeout=SECONDS_MAX)
    began = time.monotonic()
    synced.syncer.stop()
    synced.syncer.stop()
    assert time.monotonic() - began < 5
    assert synced.syncer.fault == ""


def test_a_poked_scheduler_fires_a_new_trigger_in_time(synced: Synced) -> None:
    late = Recorded(LATENESS)
    scheduler = Scheduler(synced.database, synced.broker)
    synced.on_applied = scheduler.poke
    scheduler.start()
    synced.syncer.start()
    synced.save("tick.yaml", "name: tick\ntriggers:\n  t: {every: 1s}\ntasks:\n  only: {run: echo hi}\n")

    def fired() -> bool:
        with synced.database.read() as connection:
            return len(connection.execute(select(runs.c.id)).all()) >= 2

    until(fired)
    scheduler.stop()
    assert scheduler.fault == ""
    assert late.number() >= 2


def test_whoever_minds_the_memory_hears_of_many_files(synced: Synced, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_sync, "MANY_FILES", 3)
    for number in range(3):
        synced.save(f"w{number}.yaml", HELLO.replace("hello", f"w{number}"))
    synced.syncer.start()
    synced.syncer.look("workflows").done.result(SECONDS_MAX)
    assert (len(synced.live()), synced.loaded) == (3, 1)
    synced.save("w0.yaml", HELLO.replace("hello", "w0").replace("hi", "ho"))
    synced.syncer.look("workflows").done.result(SECONDS_MAX)
    assert (synced.live()["w0"], synced.loaded) == (2, 1)
