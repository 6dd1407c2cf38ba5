"""Lines out of bytes, batches out of lines."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.broker.logs import LogLine, unpack
from engine.broker.messages import LOG_BATCH_BYTES_MAX
from tests.unit.workers.doubles import NOW
from workers import logs
from workers.logs import AttemptLog, LineCutter
from workers.masking import Masks
from workers.spool import Batch


class Shipped:
    """Takes batches, and makes sinks."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.dirty = 0

    def sink(self, **bounds: Any) -> AttemptLog:
        settings = {"line_bytes_max": 100, "bytes_max": 1_000_000, **bounds}
        return AttemptLog(clock=lambda: NOW, ship=self.batches.append, dirty=self._dirty, **settings)

    def _dirty(self, _: AttemptLog) -> None:
        self.dirty += 1

    @property
    def lines(self) -> list[LogLine]:
        return [line for batch in self.batches for line in unpack(batch.lines)]

    @property
    def texts(self) -> list[str]:
        return [line.text for line in self.lines]


@pytest.fixture
def shipped() -> Shipped:
    return Shipped()


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        ([b"a\nb\n"], ["a", "b"]),
        ([b"a", b"b\n"], ["ab"]),
        ([b"a\r\nb\rc\n"], ["a", "b", "c"]),
        ([b"a\r", b"\nb\n"], ["a", "b"]),
        ([b"a\r", b"b\n"], ["a", "b"]),
        ([b"\n\n"], ["", ""]),
        ([b"no end"], ["no end"]),
        ([b""], []),
        ([b"\xff\xfe!\n"], ["\ufffd\ufffd!"]),
        (["ü\n".encode()[:1], "ü\n".encode()[1:]], ["ü"]),
    ],
)
def test_lines_are_cut_at_their_ends(pieces: list[bytes], lines: list[str], shipped: Shipped) -> None:
    sink = shipped.sink()
    for piece in pieces:
        sink.write("stdout", piece)
    sink.close()
    assert shipped.texts == lines


@given(st.lists(st.binary(max_size=40), max_size=10))
def test_how_the_bytes_come_makes_no_difference(pieces: list[bytes]) -> None:
    def cut(parts: list[bytes]) -> list[str]:
        cutter = LineCutter(1000)
        lines = [line for part in parts for line in cutter.feed(part)]
        return lines + ([rest] if (rest := cutter.rest()) is not None else [])

    assert cut(pieces) == cut([b"".join(pieces)])


def test_a_long_line_is_cut_with_a_mark_and_costs_no_memory(shipped: Shipped) -> None:
    sink = shipped.sink(line_bytes_max=10)
    for _ in range(100):
        sink.write("stdout", b"x" * 1000)
    sink.write("stdout", b"\nnext\n")
    sink.close()
    assert shipped.texts == ["x" * 10 + " … [line cut at 10 bytes]", "next"]


def test_a_long_log_is_truncated_once(shipped: Shipped) -> None:
    sink = shipped.sink(bytes_max=25)
    for n in range(10):
        sink.write("stderr", b"line %d...\n" % n)
    sink.close()
    assert shipped.texts == ["line 0...", "line 1...", "[log truncated: more than 25 bytes]"]
    assert shipped.lines[-1].stream == "system"


def test_streams_keep_their_common_order_and_names(shipped: Shipped) -> None:
    sink = shipped.sink()
    sink.write("stdout", b"1\n")
    sink.write("stderr", b"2\n")
    sink.line("system", "3")
    sink.write("stdout", b"4\n")
    sink.close()
    assert [(line.stream, line.text) for line in shipped.lines] == [
        ("stdout", "1"),
        ("stderr", "2"),
        ("system", "3"),
        ("stdout", "4"),
    ]
    assert {line.at for line in shipped.lines} == {NOW}


def test_batches_are_numbered_and_bounded(shipped: Shipped) -> None:
    sink = shipped.sink(line_bytes_max=1000, bytes_max=10_000_000)
    for n in range(500):
        sink.write("stdout", b"%d " % n + b"y" * 900 + b"\n")
    count = sink.close()
    assert [batch.number for batch in shipped.batches] == list(range(1, count + 1))
    assert all(
        sum(len(line.text.encode()) for line in unpack(batch.lines)) <= LOG_BATCH_BYTES_MAX for batch in shipped.batches
    )
    assert [int(text.split()[0]) for text in shipped.texts] == list(range(500))
    assert [batch.line_count for batch in shipped.batches] == [len(unpack(batch.lines)) for batch in shipped.batches]


def test_nothing_said_is_no_batch(shipped: Shipped) -> None:
    assert shipped.sink().close() == 0
    assert shipped.batches == []


def test_a_flush_ships_what_has_ended_and_keeps_what_has_not(shipped: Shipped, clock: Callable[[float], None]) -> None:
    sink = shipped.sink()
    sink.write("stdout", b"whole\npart")
    assert shipped.dirty == 1
    assert sink.flush(), "something still waits"
    assert shipped.texts == ["whole"]
    clock(logs.PARTIAL_SECONDS)
    assert not sink.flush()
    assert shipped.texts == ["whole", "part"]
    sink.write("stdout", b"ial\n")
    assert sink.close() == 3
    assert shipped.texts == ["whole", "part", "ial"]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Stand still the monotonic clock that `workers.logs` sees; calling moves it on."""
    now = [1000.0]
    monkeypatch.setattr(logs.time, "monotonic", lambda: now[0])

    def move(seconds: float) -> None:
        now[0] += seconds

    return move


def test_numbers_go_on_where_an_earlier_process_stopped(shipped: Shipped) -> None:
    sink = shipped.sink(first_batch=4)
    sink.line("stdout", "x", NOW, "position")
    assert sink.close() == 4
    assert (shipped.batches[0].number, shipped.batches[0].position) == (4, "position")


def test_secrets_are_hidden_before_lines_are_cut(shipped: Shipped) -> None:
    sink = shipped.sink(line_bytes_max=10, masks=Masks(["hunter22"]))
    sink.write("stdout", b"pass hun")
    sink.write("stdout", b"ter22 hunter22\n")
    sink.line("stderr", "12345hunter22")
    sink.close()
    assert shipped.texts == ["pass *** *" + " … [line cut at 10 bytes]", "12345***"]


def test_what_may_begin_a_secret_is_given_out_at_the_end(shipped: Shipped) -> None:
    sink = shipped.sink(masks=Masks(["hunter22"]))
    sink.write("stdout", b"a hunt")
    sink.write("stderr", b"er22\nb hunter2")
    sink.close()
    assert sorted(shipped.texts) == ["a hunt", "b hunter2", "er22"]
