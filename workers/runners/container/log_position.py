"""How far a container's log was read, so that reading can go on there.

The engine copies the two streams by themselves: each has its entries in the order of their times, both together do not.
So each stream has its own position, the time of its last entry. The pieces of a line that is longer than the engine's
buffer have one time; at such a time the entries are counted.
"""

from datetime import datetime
from typing import Final, Literal

from workers.runners.container.client import Frame

StreamName = Literal["stdout", "stderr"]
STREAMS: Final[tuple[StreamName, ...]] = ("stdout", "stderr")
SLACK_SECONDS: Final = 10
"""How much later than its time an entry may come into the log, behind the other stream's entries."""


class LogPosition:
    """Where reading stands. `text` goes to disk; reading after a restart begins with it."""

    def __init__(self, text: str) -> None:
        stdout, _, stderr = text.partition(",")
        self._read: dict[StreamName, str] = {"stdout": stdout, "stderr": stderr}
        self._count: dict[StreamName, int | None] = dict.fromkeys(STREAMS)
        self._whole = dict(self._read)
        self._again: dict[StreamName, int] = {}

    @property
    def text(self) -> str:
        """The position of what was given out in whole lines."""
        return f"{self._whole['stdout']},{self._whole['stderr']}"

    @property
    def since(self) -> str:
        """What the engine is asked for: seconds since 1970 from which entries are wanted; empty for all."""
        last = max(self._read.values())
        if not last:
            return ""
        whole = last.removesuffix("Z").partition(".")[0]
        return str(int(datetime.fromisoformat(whole + "+00:00").timestamp()) - SLACK_SECONDS)

    def begin(self) -> None:
        """Note that entries come from `since` on, so that some are known."""
        self._again = {stream: 0 for stream in STREAMS if self._read[stream]}

    def known(self, frame: Frame) -> bool:
        """Return whether the entry was read before; if not, it counts as read now."""
        if frame.stream in self._again and self._seen_before(frame):
            return True
        self._again.pop(frame.stream, None)
        count = self._count[frame.stream] or 0
        self._count[frame.stream] = 1 + (count if frame.time == self._read[frame.stream] else 0)
        self._read[frame.stream] = frame.time
        return False

    def ends_line(self, frame: Frame) -> None:
        """Note that everything of the entry's stream up to the entry was given out."""
        self._whole[frame.stream] = frame.time

    def _seen_before(self, frame: Frame) -> bool:
        position, count = self._read[frame.stream], self._count[frame.stream]
        if frame.time != position:
            return frame.time < position
        self._again[frame.stream] += 1
        return count is None or self._again[frame.stream] <= count
