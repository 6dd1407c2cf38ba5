"""Reads a container's log in a thread of its own, from where it was left, until the container ends."""

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import datetime

from workers.logs import LineCutter
from workers.runners.container.client import EngineClient, EngineUnreachableError, Frame, NoSuchContainerError, Standing
from workers.runners.container.log_position import STREAMS, LogPosition
from workers.runners.interface import LogSink, RunnerError

log = logging.getLogger(__name__)

PAUSE_SECONDS: float = 0.1
RECONNECT_SECONDS: float = 1.0
RECONNECTS_MAX: int = 60


class Follower:
    """Follows one container. `ended` is set when it ended, or when it cannot be known any more (`failure`)."""

    def __init__(self, engine: EngineClient, name: str, sink: LogSink, position: str, line_bytes_max: int) -> None:
        self._engine = engine
        self._name = name
        self._sink = sink
        self._position = LogPosition(position)
        self._cutters = {stream: LineCutter(line_bytes_max) for stream in STREAMS}
        self._closed = threading.Event()
        self.changed = threading.Condition()
        self.ended = False
        self.standing: Standing | None = None
        self.failure: RunnerError | None = None
        self._thread = threading.Thread(target=self._work, name="container-log", daemon=True)

    def start(self) -> None:
        """Start reading."""
        self._thread.start()

    def close(self) -> None:
        """Wait for the reading to end; the container has ended or was removed."""
        self._closed.set()
        self._thread.join()

    def _work(self) -> None:
        try:
            self.standing = self._follow()
        except RunnerError as error:
            self.failure = error
        finally:
            for stream, cutter in self._cutters.items():
                if (rest := cutter.rest()) is not None:
                    self._sink.line(stream, rest, None, self._position.text)
            with self.changed:
                self.ended = True
                self.changed.notify_all()

    def _follow(self) -> Standing | None:
        """Read until the container has ended; the engine may go away for a while."""
        failures = 0
        while not self._closed.is_set():
            try:
                for frame in self._entries(self._engine.follow):
                    self._take(frame)
                    failures = 0
                standing = self._engine.standing(self._name)
                if standing.ended:
                    for frame in self._entries(self._engine.log):
                        self._take(frame)
                    return standing
            except NoSuchContainerError:
                raise
            except EngineUnreachableError as error:
                failures += 1
                log.warning("%s (%d)", error, failures)
                if failures > RECONNECTS_MAX:
                    raise
                self._closed.wait(RECONNECT_SECONDS)
        return None

    def _entries(self, read: Callable[[str, str], Iterator[Frame]]) -> Iterator[Frame]:
        self._position.begin()
        return read(self._name, self._position.since)

    def _take(self, frame: Frame) -> None:
        if self._position.known(frame):
            return
        while self._sink.full and not self._closed.wait(PAUSE_SECONDS):
            pass
        lines = self._cutters[frame.stream].feed(frame.data)
        if frame.data.endswith(b"\n"):
            self._position.ends_line(frame)
        at = _time(frame.time)
        for text in lines:
            self._sink.line(frame.stream, text, at, self._position.text)


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
