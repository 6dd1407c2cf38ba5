"""Reading a folder's workflow files: bounded, and never out of the folder.

Files are those that `dsl.loader.workflow_files` takes: `*.yaml` and `*.yml`, no names that begin with `.` or `_`, no
`*.test.yaml`; and `_defaults.yaml` beside them. A symbolic link to a file inside the folder is read; one that leads out
is a diagnostic; links to folders are not followed.
"""

import hashlib
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dsl.defaults import is_defaults
from dsl.diagnostics import START, Diagnostic, Fault, diagnostic
from dsl.limits import FILE_BYTES_MAX
from dsl.loader import SUFFIXES
from engine.sync.source import FetchError, SourceFile

FILES_MAX: Final = 10_000
ENTRIES_MAX: Final = 200_000
DEPTH_MAX: Final = 32
TOTAL_BYTES_MAX: Final = 64 << 20
SETTLED_NANOSECONDS: Final = 2_000_000_000
"""A file changed this recently is read again at the next look: its time stamp may not tell two writes apart."""


class UnreadableFileError(Exception):
    """A file of the folder cannot be taken; the message says why."""


@dataclass(frozen=True, slots=True)
class _Seen:
    stamp: tuple[int, ...]
    settled: bool
    file: SourceFile
    size: int


class FolderFiles:
    """The files of one folder. What has not changed since the last look is not read again."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seen: dict[str, _Seen] = {}

    def look(self) -> tuple[dict[str, SourceFile], list[Diagnostic]]:
        """Return the readable files by path, and a diagnostic for each other. Raises `FetchError` past a bound."""
        seen: dict[str, _Seen] = {}
        faults: list[Diagnostic] = []
        root = self._root.resolve(strict=True)
        for path in sorted(workflow_paths(root)):
            try:
                seen[path] = self._take(root, path)
            except (OSError, UnreadableFileError) as error:
                faults.append(unreadable(path, error))
        self._seen = seen
        total = sum(entry.size for entry in seen.values())
        if total > TOTAL_BYTES_MAX:
            raise FetchError("too_large", f"{self._root} holds {total:,} bytes of workflows, over {TOTAL_BYTES_MAX:,}")
        return {path: entry.file for path, entry in seen.items()}, faults

    def _take(self, root: Path, path: str) -> _Seen:
        _check_name(path)
        full = root / path
        if full.is_symlink() and not full.resolve(strict=True).is_relative_to(root):
            raise UnreadableFileError("it is a symbolic link that leads out of the source")
        known = self._seen.get(path)
        if known is not None and known.settled and known.stamp == _stamp(full.stat()):
            return known
        return _read(full, path)


def workflow_paths(root: Path) -> Iterator[str]:
    """Give the paths of the folder's workflow files, relative to it. Raises `FetchError` past a bound."""
    budget = iter(range(ENTRIES_MAX))
    for number, path in enumerate(_walk(root, root, budget, 0)):
        if number >= FILES_MAX:
            raise FetchError("too_many_files", f"{root} holds more than {FILES_MAX:,} workflow files")
        yield path


def unreadable(path: str, error: Exception) -> Diagnostic:
    """Return the diagnostic of a file that cannot be read."""
    shown = path.encode("utf-8", "backslashreplace").decode()
    why = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    return diagnostic(Fault("E0014", f"the file cannot be read: {why}", START), shown)


def _walk(root: Path, folder: Path, budget: Iterator[int], depth: int) -> Iterator[str]:
    if depth > DEPTH_MAX:
        raise FetchError("too_deep", f"{folder} lies more than {DEPTH_MAX} folders deep")
    with os.scandir(folder) as entries:
        for entry in entries:
            if next(budget, None) is None:
                raise FetchError("too_many_files", f"{root} holds more than {ENTRIES_MAX:,} files and folders")
            path = Path(entry.path)
            if entry.name.startswith((".", "_")) and not (is_defaults(path) and not entry.is_dir()):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(root, path, budget, depth + 1)
            elif path.suffix in SUFFIXES and not path.stem.endswith(".test"):
                yield path.relative_to(root).as_posix()


def _check_name(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise UnreadableFileError("its name is not valid UTF-8") from None


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _read(full: Path, path: str) -> _Seen:
    """Read at most one byte more than a file may have: the loader says that it is too large."""
    descriptor = os.open(full, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableFileError("it is not a regular file")
        looked_at = time.time_ns()
        data = stream.read(FILE_BYTES_MAX + 1)
    age = looked_at - max(status.st_mtime_ns, status.st_ctime_ns)
    file = SourceFile(path, hashlib.sha256(data).hexdigest(), lambda: data)
    return _Seen(_stamp(status), age > SETTLED_NANOSECONDS, file, len(data))
