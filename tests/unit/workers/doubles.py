"""Doubles that several worker tests use."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from engine.broker.logs import Stream
from engine.clock import new_id
from workers.runners.interface import Attempt


class Lines:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.full = False
        self.data: dict[Stream, bytearray] = {"stdout": bytearray(), "stderr": bytearray(), "system": bytearray()}
        self.lines: list[tuple[Stream, str]] = []
        self.on_data = lambda: None

    def write(self, stream: Stream, data: bytes) -> None:
        self.data[stream] += data
        self.on_data()

    def line(self, stream: Stream, text: str, at: datetime | None = None, position: str = "") -> None:
        self.lines.append((stream, text))
        self.write(stream, text.encode() + b"\n")

    def text(self, stream: Stream = "stdout") -> str:
        return self.data[stream].decode()


class Notes:
    """A journal that remembers the last note."""

    def __init__(self) -> None:
        self.begun = False
        self.pid = 0
        self.name = ""

    def begin(self) -> None:
        self.begun = True

    def process(self, pid: int, started: str, boot_id: str) -> None:
        self.pid, self.started, self.boot_id = pid, started, boot_id

    def container(self, name: str) -> None:
        self.name = name


def attempt(kind: str, spec: Mapping[str, Any], **more: Any) -> Attempt:
    """Return a granted attempt."""
    more.setdefault("env", {})
    more.setdefault("grace_seconds", 5.0)
    more.setdefault("journal", Notes())
    return Attempt(name=f"{new_id()}-1:1", claim_id=new_id(), kind=kind, spec=spec, **more)


NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
