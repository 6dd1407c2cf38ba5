"""What a worker keeps on disk: one file an attempt, and the log batches that nobody has confirmed.

What changes is appended as a new line, and the last whole line counts: a crash of the process leaves the old content or
the new one, and an attempt costs two writes. A file that grows long is written afresh under another name and renamed.
Nothing is flushed to the disk with fsync: a crash of the worker loses nothing that was written, and after a crash of
the whole machine no process lives that a record could find, while a lost result is what "at least once" allows for: the
session's lease runs out and the attempt is tried again. A file that a power cut left torn is set aside.

No environment, script or secret is written, only what says where an attempt stands.
"""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec

from engine.broker.messages import Finished
from workers.runners.interface import Left

log = logging.getLogger(__name__)

FILE_BYTES_MAX: int = 256 * 1024
"""How long a file may grow before it is written afresh."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """A log batch as `engine.broker.logs.pack` gives it. `position` is where its source stood after it."""

    number: int
    line_count: int
    lines: bytes
    position: str = ""


class Record(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What stands in an attempt's file. `log_batches` counts those confirmed, or written if there is a result."""

    attempt: str
    claim_id: str
    pool: str
    kind: str
    deadline_at: datetime | None = None
    pid: int | None = None
    pid_started: str = ""
    boot_id: str = ""
    container: str = ""
    log_batches: int = 0
    log_position: str = ""
    finished: Finished | None = None
    settled: bool = False
    batches: list[Batch] = []

    def left(self) -> Left:
        """Return what a runner needs to find what the attempt left running."""
        return Left(
            attempt=self.attempt,
            claim_id=self.claim_id,
            kind=self.kind,
            pid=self.pid,
            pid_started=self.pid_started,
            boot_id=self.boot_id,
            container=self.container,
        )


_encoder = msgspec.json.Encoder()
_record_decoder = msgspec.json.Decoder(Record)
_batch_decoder = msgspec.json.Decoder(Batch)


class Entry:
    """One attempt's file. Any thread may call; once removed, nothing writes it again."""

    def __init__(self, directory: Path, record: Record) -> None:
        self.record = record
        self._directory = directory
        self._path = str(directory / f"{record.claim_id}.json")
        self._lock = threading.Lock()
        self._fd: int | None = None
        self._size = -1
        """Bytes in the file; -1 while there is none, or none that can be appended to."""
        self._exists = False
        self._removed = False

    def begin(self) -> None:
        """Write the record before anything is started. Raises `OSError`: what cannot be found again must not start."""
        with self._lock:
            if not self._removed:
                self._store()

    def adopt(self) -> None:
        """Take over the file as it is; what changes next replaces it."""
        self._exists = True

    def process(self, pid: int, started: str, boot_id: str) -> None:
        """Note the leader of the attempt's process group."""
        with self._lock:
            self.record.pid, self.record.pid_started, self.record.boot_id = pid, started, boot_id
            self._write()

    def container(self, name: str) -> None:
        """Note the attempt's container."""
        with self._lock:
            self.record.container = name
            self._write()

    def finish(self, finished: Finished, batches: list[Batch]) -> None:
        """Keep the result, with the log batches that stand in no file of their own."""
        with self._lock:
            self.record.finished, self.record.batches = finished, batches
            self.record.log_batches = finished.log_batches
            self._write()
            self._close()

    def settle(self) -> None:
        """Note that the result is in the database; only log batches are still wanted."""
        with self._lock:
            if not self.record.settled:
                self.record.settled = True
                self._write()
                self._close()

    def remove(self) -> None:
        """Forget the attempt. Idempotent."""
        with self._lock:
            self._removed = True
            self._close()
            if self._exists:
                with suppress(FileNotFoundError):
                    os.unlink(self._path)  # noqa: PTH108 - a result's way is measured in microseconds

    def keep_batch(self, batch: Batch) -> None:
        """Write a log batch into a file of its own. Raises `OSError`."""
        with self._lock:
            if not self._removed:
                _replace(self._batch_path(batch.number), _encoder.encode(batch))

    def read_batch(self, number: int) -> Batch | None:
        """Return the batch kept under that number, or None if it is not there or not readable."""
        try:
            return _batch_decoder.decode(Path(self._batch_path(number)).read_bytes())
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            _set_aside(Path(self._batch_path(number)), error)
            return None

    def drop_batch(self, number: int, position: str) -> None:
        """Forget a confirmed batch; where there was no result yet, note how far the log got."""
        with self._lock:
            if self.record.finished is None and not self._removed:
                self.record.log_batches = max(self.record.log_batches, number)
                self.record.log_position = position or self.record.log_position
                self._write()
        with suppress(FileNotFoundError):
            os.unlink(self._batch_path(number))  # noqa: PTH108 - as above

    def kept_batches(self) -> list[int]:
        """Return the numbers of the batches that have files."""
        prefix = f"{self.record.claim_id}."
        names = (path.name[len(prefix) : -len(".log")] for path in self._directory.glob(f"{prefix}*.log"))
        return sorted(int(name) for name in names if name.isdigit())

    def _batch_path(self, number: int) -> str:
        return str(self._directory / f"{self.record.claim_id}.{number}.log")

    def _write(self) -> None:
        """Write the record if that is possible: a full disk costs what a restart could have found, and no more."""
        try:
            if not self._removed:
                self._store()
        except OSError as error:
            log.error("attempt %s is not kept on disk: %s", self.record.attempt, error)

    def _store(self) -> None:
        line = _encoder.encode(self.record) + b"\n"
        if self._exists and not 0 <= self._size < FILE_BYTES_MAX:
            self._close()
            _replace(self._path, line)
            self._size = len(line)
            return
        if self._fd is None:
            self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self._exists = True
        size, self._size = max(self._size, 0), -1  # should the writing stop halfway, nothing may be appended to that
        _write_all(self._fd, line)
        self._size = size + len(line)

    def _close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


class Spool:
    """The directory of all attempts' files."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def entry(self, record: Record) -> Entry:
        """Return a new attempt's entry; nothing is written yet."""
        return Entry(self._directory, record)

    def load(self) -> Iterator[Entry]:
        """Return what earlier processes left. What cannot be read is set aside with a message."""
        for path in sorted(self._directory.glob("*.json")):
            try:
                entry = Entry(self._directory, _last_record(path.read_bytes()))
            except (msgspec.DecodeError, OSError) as error:
                _set_aside(path, error)
                continue
            entry.adopt()
            yield entry


def _last_record(content: bytes) -> Record:
    """Return the last line that was written whole. Raises `msgspec.DecodeError` if none was."""
    *earlier, last = content.rstrip(b"\n").rsplit(b"\n", maxsplit=1)
    try:
        return _record_decoder.decode(last)
    except msgspec.DecodeError:
        if content.endswith(b"\n") or not earlier:
            raise
        return _last_record(earlier[0] + b"\n")


def _write_all(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _replace(path: str, data: bytes) -> None:
    temporary = path + ".new"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        _write_all(fd, data)
    finally:
        os.close(fd)
    os.rename(temporary, path)  # noqa: PTH104 - as above


def _set_aside(path: Path, error: Exception) -> None:
    aside = path.with_suffix(path.suffix + ".unreadable")
    log.error("spool file %s cannot be read (%s); set aside as %s", path, error, aside.name)
    with suppress(OSError):
        path.rename(aside)
