"""Going on in a container's log loses nothing and repeats nothing."""

import random

import pytest

from workers.runners.container.client import Frame
from workers.runners.container.log_position import SLACK_SECONDS, LogPosition


def frame(second: float, stream: str = "stdout", text: str = "x\n") -> Frame:
    return Frame("stderr" if stream == "stderr" else "stdout", f"2026-01-02T03:04:{second:012.9f}Z", text.encode())


def read(position: LogPosition, frames: list[Frame]) -> list[Frame]:
    new = [one for one in frames if not position.known(one)]
    for one in new:
        if one.data.endswith(b"\n"):
            position.ends_line(one)
    return new


def test_an_entry_of_the_other_stream_may_be_older() -> None:
    frames = [frame(2), frame(1, "stderr"), frame(3)]
    assert read(LogPosition(""), frames) == frames


def test_a_clock_that_is_set_back_loses_nothing() -> None:
    frames = [frame(2), frame(1), frame(1.5)]
    assert read(LogPosition(""), frames) == frames


def test_pieces_of_one_line_have_one_time() -> None:
    frames = [frame(1, text="x"), frame(1, text="y"), frame(1, text="z\n")]
    assert read(LogPosition(""), frames) == frames


@pytest.mark.parametrize("cut", range(6))
def test_asking_again_goes_on_at_the_very_piece(cut: int) -> None:
    frames = [frame(1), frame(0.5, "stderr"), frame(2, text="x"), frame(2, text="y"), frame(2, text="z\n"), frame(3)]
    position = LogPosition("")
    before = read(position, frames[:cut])
    position.begin()
    assert before + read(position, frames) == frames


def test_a_restart_goes_on_with_the_next_whole_line() -> None:
    frames = [frame(1), frame(0.5, "stderr"), frame(2, text="x"), frame(2, text="y\n"), frame(3)]
    position = LogPosition("")
    read(position, frames[:3])
    restarted = LogPosition(position.text)
    restarted.begin()
    assert read(restarted, frames) == frames[2:]


def test_any_interruptions_of_any_log() -> None:
    for seed in range(200):
        chance = random.Random(seed)
        streams = {
            name: [frame(at, name, chance.choice(["part", "end\n"])) for at in sorted(chance.choices(range(9), k=8))]
            for name in ("stdout", "stderr")
        }
        frames = []
        while any(streams.values()):
            frames.append(streams[chance.choice([name for name, rest in streams.items() if rest])].pop(0))
        position, got = LogPosition(""), []
        for _ in range(chance.randint(0, 4)):
            position.begin()
            got += read(position, frames[: chance.randint(0, len(frames))])
        position.begin()
        got += read(position, frames)
        for name in ("stdout", "stderr"):
            assert [one for one in got if one.stream == name] == [one for one in frames if one.stream == name], seed


def test_what_the_engine_is_asked_for() -> None:
    position = LogPosition("")
    assert position.since == ""
    read(position, [frame(30)])
    assert position.since == str(1767323070 - SLACK_SECONDS)
    assert LogPosition(position.text).since == position.since
