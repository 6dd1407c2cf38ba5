"""How a worker's process ends: at a signal it drains, at a second one it stops, refused it fails."""

import os
import signal
from collections.abc import Iterator

import pytest

from cli.errors import CliError
from cli.process import drain_on_signal


class FakeWorker:
    """Ends when it is told to, or at once where it has failed."""

    def __init__(self, failure: str | None = None, signals: int = 0) -> None:
        self.failure = failure
        self.asked: list[str] = []
        self._signals = signals

    def start(self) -> None:
        self.asked.append("start")

    def drain(self) -> None:
        self.asked.append("drain")

    def stop(self) -> None:
        self.asked.append("stop")

    def join(self) -> None:
        for _ in range(self._signals):
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("signals", "asked"), [(1, ["drain"]), (2, ["drain", "stop"])])
def test_a_signal_drains_and_a_second_one_stops(signals: int, asked: list[str]) -> None:
    worker = FakeWorker(signals=signals)
    drain_on_signal(worker)  # type: ignore[arg-type]
    assert worker.asked == ["start", *asked]


def test_a_refused_worker_fails_with_what_the_engine_said() -> None:
    failure = "the engine refused this worker's session: it lacks http\n  hint: serve http"
    with pytest.raises(CliError) as caught:
        drain_on_signal(FakeWorker(failure))  # type: ignore[arg-type]
    assert caught.value.message == "the engine refused this worker's session: it lacks http"
    assert caught.value.hint == "serve http"
    assert caught.value.exit_code == 1
