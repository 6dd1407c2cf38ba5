"""What is kept on disk, and that it comes back."""

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.broker.messages import Finished
from workers.spool import FILE_BYTES_MAX, Batch, Entry, Record, Spool

AT = datetime(2026, 1, 2, tzinfo=UTC)


def finished(claim_id: str = "c") -> Finished:
    return Finished(
        attempt="a:1",
        claim_id=claim_id,
        session="s",
        reply_to="r",
        state="succeeded",
        outputs={"n": 1},
        log_batches=2,
        started_at=AT,
        finished_at=AT,
    )


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def entry(spool: Spool, claim_id: str = "c") -> Entry:
    return spool.entry(Record(attempt="a:1", claim_id=claim_id, pool="default", kind="run"))


def files(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "spool").iterdir())


def test_nothing_is_written_before_the_beginning(spool: Spool, tmp_path: Path) -> None:
    entry(spool)
    assert files(tmp_path) == []


def test_a_record_comes_back_as_it_was(spool: Spool) -> None:
    first = entry(spool)
    first.begin()
    first.process(42, "1234", "boot")
    first.finish(finished(), [Batch(number=2, line_count=1, lines=b"\x00\xff")])
    (again,) = spool.load()
    assert again.record == first.record
    assert again.record.finished == finished()
    assert (again.record.left().pid, again.record.left().boot_id) == (42, "boot")
    assert again.record.batches[0].lines == b"\x00\xff"


def test_only_the_owner_may_read(spool: Spool, tmp_path: Path) -> None:
    entry(spool).begin()
    (path,) = (tmp_path / "spool").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_once_removed_it_is_never_written_again(spool: Spool, tmp_path: Path) -> None:
    it = entry(spool)
    it.begin()
    it.remove()
    it.finish(finished(), [])
    it.process(1, "", "")
    it.settle()
    it.keep_batch(Batch(number=1, line_count=1, lines=b""))
    it.remove()
    assert files(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"{", b'{"attempt": 1}', b"\xff" * 100])
def test_what_cannot_be_read_is_set_aside(spool: Spool, tmp_path: Path, content: bytes) -> None:
    entry(spool, "good").begin()
    (tmp_path / "spool/bad.json").write_bytes(content)
    assert [it.record.claim_id for it in spool.load()] == ["good"]
    assert files(tmp_path) == ["bad.json.unreadable", "good.json"]


def test_a_write_that_was_cut_off_leaves_the_old_record(spool: Spool, tmp_path: Path) -> None:
    it = entry(spool)
    it.begin()
    it.process(42, "1234", "boot")
    with (tmp_path / "spool/c.json").open("ab") as file:
        file.write(b'{"attempt": "half')
    (tmp_path / "spool/c.json.new").write_bytes(b"{half")
    (again,) = spool.load()
    assert again.record.pid == 42
    again.process(43, "1234", "boot")
    assert [it.record.pid for it in spool.load()] == [43]


def test_a_file_does_not_grow_for_ever(spool: Spool, tmp_path: Path) -> None:
    it = entry(spool)
    it.begin()
    for number in range(4000):
        it.container(f"{number:0100d}")
    assert (tmp_path / "spool/c.json").stat().st_size < 2 * FILE_BYTES_MAX
    assert [it.record.container for it in spool.load()] == [f"{3999:0100d}"]
    it.remove()
    assert files(tmp_path) == []


def test_batches_are_kept_apart_and_dropped_one_by_one(spool: Spool, tmp_path: Path) -> None:
    it = entry(spool)
    it.begin()
    for number in (1, 2, 10):
        it.keep_batch(Batch(number=number, line_count=1, lines=b"x", position=f"p{number}"))
    assert it.kept_batches() == [1, 2, 10]
    it.drop_batch(1, "p1")
    assert it.kept_batches() == [2, 10]
    kept = it.read_batch(10)
    assert kept is not None
    assert kept.position == "p10"
    assert it.read_batch(1) is None
    (again,) = spool.load()
    assert (again.record.log_batches, again.record.log_position) == (1, "p1")


def test_a_damaged_batch_is_set_aside(spool: Spool, tmp_path: Path) -> None:
    it = entry(spool)
    (tmp_path / "spool/c.3.log").write_bytes(b"{")
    assert it.read_batch(3) is None
    assert files(tmp_path) == ["c.3.log.unreadable"]


def test_a_disk_that_takes_nothing_stops_the_beginning_and_nothing_else(
    spool: Spool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    it = entry(spool)
    (tmp_path / "spool").rmdir()
    with pytest.raises(OSError, match="No such file"):
        it.begin()
    it.finish(finished(), [])
    assert "not kept on disk" in caplog.text
