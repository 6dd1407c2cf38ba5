"""Batches on their way: kept until confirmed, on disk beyond a bound, and a pause when there are too many."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.broker.messages import LogBatch, LogConfirmed, decode
from workers.config import WorkerConfig
from workers.log_shipper import LogShipper
from workers.spool import Entry, Record, Spool

WAIT_SECONDS = 10.0


class Sent:
    """Stands for the link: remembers what was published."""

    address = "here"

    def __init__(self) -> None:
        self.batches: list[LogBatch] = []
        self.condition = threading.Condition()

    def publish(self, queue: str, body: bytes) -> None:
        message = decode(body)
        assert isinstance(message, LogBatch)
        with self.condition:
            self.batches.append(message)
            self.condition.notify_all()

    def wait(self, count: int) -> None:
        with self.condition:
            assert self.condition.wait_for(lambda: len(self.batches) >= count, WAIT_SECONDS)


class Setup:
    def __init__(self, directory: Path, **config: Any) -> None:
        settings: dict[str, Any] = {"resend_seconds": 60.0, "log_flush_seconds": 0.01, **config}
        self.sent = Sent()
        self.spool = Spool(directory)
        self.directory = directory
        self.shipper = LogShipper(
            self.sent,  # type: ignore[arg-type]
            WorkerConfig(worker_id="w", state_dir=directory, **settings),
            "session",
            lambda: datetime.now(UTC),
        )
        self.shipper.start()

    def entry(self, claim_id: str = "c") -> Entry:
        return self.spool.entry(Record(attempt="a:1", claim_id=claim_id, pool="p", kind="run"))

    def confirm(self, number: int, claim_id: str = "c") -> None:
        self.shipper.confirmed(LogConfirmed(attempt="a:1", claim_id=claim_id, batch_no=number))

    def files(self) -> list[str]:
        return sorted(path.name for path in self.directory.glob("*.log"))


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    made = Setup(tmp_path)
    yield made
    made.shipper.close()


def test_a_line_goes_out_soon_and_a_confirmation_ends_it(setup: Setup) -> None:
    sink = setup.shipper.open(setup.entry(), durable=False)
    sink.write("stdout", b"hello\n")
    setup.sent.wait(1)
    assert setup.sent.batches[0].batch_no == 1
    assert setup.shipper.end(sink, "c")[0] == 1
    done = threading.Event()
    assert setup.shipper.when_done("c", done.set)
    setup.confirm(1)
    assert done.is_set()
    assert not setup.shipper.when_done("c", done.set)


def test_confirmations_twice_or_of_strangers_are_nothing(setup: Setup) -> None:
    sink = setup.shipper.open(setup.entry(), durable=False)
    sink.line("stdout", "x")
    setup.shipper.end(sink, "c")
    for number, claim in ((1, "stranger"), (2, "c"), (1, "c"), (1, "c")):
        setup.confirm(number, claim)
    assert not setup.shipper.when_done("c", lambda: None)


def test_what_is_unconfirmed_at_the_end_is_handed_over_for_the_spool(setup: Setup) -> None:
    sink = setup.shipper.open(setup.entry(), durable=False)
    sink.line("stdout", "x")
    count, batches = setup.shipper.end(sink, "c")
    assert (count, [batch.number for batch in batches]) == (1, [1])


def test_unconfirmed_batches_are_sent_again(tmp_path: Path) -> None:
    setup = Setup(tmp_path, resend_seconds=0.05)
    sink = setup.shipper.open(setup.entry(), durable=False)
    sink.line("stdout", "x")
    setup.sent.wait(3)
    assert {batch.batch_no for batch in setup.sent.batches} == {1}
    setup.shipper.close()


def test_a_new_connection_sends_again_at_once(setup: Setup) -> None:
    sink = setup.shipper.open(setup.entry(), durable=False)
    sink.line("stdout", "x")
    setup.sent.wait(1)
    setup.shipper.resend()
    setup.sent.wait(2)


def test_beyond_the_bound_batches_rest_in_files(tmp_path: Path) -> None:
    setup = Setup(tmp_path, log_memory_bytes_max=0)
    sink = setup.shipper.open(setup.entry(), durable=False)
    sink.line("stdout", "x")
    setup.shipper.end(sink, "c")
    assert setup.files() == ["c.1.log"]
    setup.shipper.resend()
    setup.sent.wait(2)
    setup.confirm(1)
    assert setup.files() == []
    setup.shipper.close()


def test_too_much_unconfirmed_is_full_until_confirmed(tmp_path: Path) -> None:
    setup = Setup(tmp_path, log_spool_bytes_max=10)
    sink = setup.shipper.open(setup.entry(), durable=False)
    assert not sink.full
    sink.line("stdout", "x")
    sink.flush()
    assert sink.full
    setup.confirm(1)
    assert not sink.full
    setup.shipper.close()


def test_a_durable_log_is_on_disk_before_it_is_sent_and_goes_on_after_a_restart(setup: Setup, tmp_path: Path) -> None:
    first = setup.entry()
    first.begin()
    sink = setup.shipper.open(first, durable=True)
    for text, position in (("one", "t1"), ("two", "t2")):
        sink.line("stdout", text, None, position)
        sink.flush()
    assert setup.files() == ["c.1.log", "c.2.log"]
    setup.confirm(1)

    second = Setup(tmp_path)
    (again,) = second.spool.load()
    second.shipper.adopt(again)
    second.sent.wait(1)
    assert [batch.batch_no for batch in second.sent.batches] == [2]
    assert again.record.log_position == "t2"
    resumed = second.shipper.open(again, durable=True)
    resumed.line("stdout", "three", None, "t3")
    assert resumed.close() == 3
    second.shipper.close()


def test_a_full_disk_leaves_batches_in_memory(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    directory = tmp_path / "gone"
    setup = Setup(directory, log_memory_bytes_max=0)
    sink = setup.shipper.open(setup.entry(), durable=False)
    directory.rmdir()
    sink.line("stdout", "x")
    assert [batch.number for batch in setup.shipper.end(sink, "c")[1]] == [1]
    assert "stays in memory" in caplog.text
    setup.shipper.close()
