"""What an attempt says: bytes in, bounded lines, batches out.

Lines keep the order in which they were read, over both streams. A line ends at a line feed, a carriage return or both.
What does not end is given out after `PARTIAL_SECONDS` as if it had.
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime

from engine.broker.logs import LogLine, Stream, pack
from engine.broker.messages import LOG_BATCH_BYTES_MAX
from engine.clock import Clock
from workers.masking import MaskedStream, Masks
from workers.spool import Batch

PARTIAL_SECONDS: float = 1.0
LINE_OVERHEAD_BYTES: int = 64
"""What a line costs in a batch beside its text: time, stream, punctuation."""


class LineCutter:
    """Cuts one stream's bytes into lines of at most `line_bytes_max`; the rest of a longer one is dropped."""

    def __init__(self, line_bytes_max: int) -> None:
        self._line_bytes_max = line_bytes_max
        self._partial = bytearray()
        self._cut = False
        self._after_return = False

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that end within `data`."""
        if self._after_return and data.startswith(b"\n"):
            data = data[1:]
        if data:
            self._after_return = data.endswith(b"\r")
        lines = []
        for piece in data.splitlines(keepends=True):
            text = piece.rstrip(b"\r\n")
            self._take(text)
            if len(text) != len(piece):
                lines.append(self._end())
        return lines

    def rest(self) -> str | None:
        """Return what has not ended, as a line, or None."""
        return self._end() if self._partial else None

    def _take(self, text: bytes) -> None:
        room = self._line_bytes_max - len(self._partial)
        self._partial += text[:room]
        self._cut = self._cut or len(text) > room

    def _end(self) -> str:
        text = self._partial.decode("utf-8", "replace")
        if self._cut:
            text += f" … [line cut at {self._line_bytes_max} bytes]"
        self._partial.clear()
        self._cut = False
        return text


class AttemptLog:
    """One attempt's sink. `ship` takes each batch when it is full, at `flush` and at `close`; it must not block.

    `masks` hides secrets. `dirty` is called when lines wait for a flush for the first time since the last batch.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        line_bytes_max: int,
        bytes_max: int,
        ship: Callable[[Batch], None],
        dirty: Callable[["AttemptLog"], None],
        first_batch: int = 1,
        masks: Masks | None = None,
    ) -> None:
        self._clock = clock
        self._line_bytes_max = line_bytes_max
        self._bytes_max = self._bytes_left = bytes_max
        self._ship = ship
        self._dirty = dirty
        self._lock = threading.Lock()
        self._masks = masks
        self._masked: dict[Stream, MaskedStream] = {}
        self._cutters: dict[Stream, LineCutter] = {}
        self._fed_at: dict[Stream, float] = {}
        self._pending: list[LogLine] = []
        self._pending_bytes = 0
        self._position = ""
        self._truncated = False
        self._next_batch = first_batch
        self._paused: Callable[[], bool] = lambda: False

    def pause_when(self, paused: Callable[[], bool]) -> None:
        """Let `full` say what `paused` says."""
        self._paused = paused

    @property
    def full(self) -> bool:
        """Whether the attempt should pause: too much is unconfirmed."""
        return self._paused()

    @property
    def batch_count(self) -> int:
        """How many batches there were so far."""
        return self._next_batch - 1

    def write(self, stream: Stream, data: bytes) -> None:
        """Take bytes as they come."""
        with self._lock:
            if self._truncated:
                return
            cutter = self._cutters.get(stream)
            if cutter is None:
                cutter = self._cutters[stream] = LineCutter(self._line_bytes_max)
            at = self._clock()
            for text in cutter.feed(self._hidden(stream, data) if self._masks else data):
                self._add(LogLine(at, stream, text))
            self._fed_at[stream] = time.monotonic()
        self._dirty(self)

    def line(self, stream: Stream, text: str, at: datetime | None = None, position: str = "") -> None:
        """Take one whole line; `position` is where its source stands after it."""
        with self._lock:
            self._position = position or self._position
            cutter = LineCutter(self._line_bytes_max)
            text = self._masks.text(text) if self._masks else text
            lines = [*cutter.feed(text.encode("utf-8", "replace")), cutter.rest()]
            for part in lines:
                if part is not None:
                    self._add(LogLine(at or self._clock(), stream, part))
        self._dirty(self)

    def flush(self) -> bool:
        """Ship what waits; give out lines that did not end for a while. Return whether something still waits."""
        with self._lock:
            now = time.monotonic()
            for stream, fed_at in list(self._fed_at.items()):
                if now - fed_at >= PARTIAL_SECONDS:
                    self._give_rest(stream)
            self._cut_batch()
            return bool(self._fed_at)

    def close(self) -> int:
        """Ship all that is left and return the number of batches."""
        with self._lock:
            for stream, masked in self._masked.items():
                for text in self._cutters[stream].feed(masked.rest()):
                    self._add(LogLine(self._clock(), stream, text))
                self._fed_at[stream] = time.monotonic()
            for stream in list(self._fed_at):
                self._give_rest(stream)
            self._cut_batch()
            return self._next_batch - 1

    def _hidden(self, stream: Stream, data: bytes) -> bytes:
        """Return what can be shown of a stream's bytes; the beginning of a secret waits for its end."""
        masked = self._masked.get(stream)
        if masked is None:
            assert self._masks is not None
            masked = self._masked[stream] = MaskedStream(self._masks)
        return masked.feed(data)

    def _give_rest(self, stream: Stream) -> None:
        del self._fed_at[stream]
        text = self._cutters[stream].rest()
        if text is not None:
            self._add(LogLine(self._clock(), stream, text))

    def _add(self, line: LogLine) -> None:
        if self._truncated:
            return
        size = len(line.text.encode()) + LINE_OVERHEAD_BYTES
        self._bytes_left -= size - LINE_OVERHEAD_BYTES + 1
        if self._bytes_left < 0:
            self._truncated = True
            text = f"[log truncated: more than {self._bytes_max} bytes]"
            line, size = LogLine(line.at, "system", text), len(text) + LINE_OVERHEAD_BYTES
        if self._pending_bytes + size > LOG_BATCH_BYTES_MAX:
            self._cut_batch()
        self._pending.append(line)
        self._pending_bytes += size

    def _cut_batch(self) -> None:
        if not self._pending:
            return
        lines, self._pending, self._pending_bytes = self._pending, [], 0
        number = self._next_batch
        self._next_batch += 1
        self._ship(Batch(number=number, line_count=len(lines), lines=pack(lines), position=self._position))
