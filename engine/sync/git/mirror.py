"""The mirror: a bare repository with what was fetched, and nothing else. Read here, written by transfers.

A mirror is made beside its place and put there by a rename, so that one begun and not ended is never taken for one. It
holds nothing that cannot be fetched again: what is damaged is thrown away. One process at a time uses it (a lock).
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pygit2
from pygit2.enums import ConfigLevel, ObjectType

from engine.sync.git.faults import MirrorError
from engine.sync.git.job import HEAD
from engine.sync.source import FetchError, Halt

PACKS_MAX: Final = 200
"""Each change brings a pack, and libgit2 never joins them: with more than these the mirror is made anew."""
LOCK_SECONDS: Final = 0.05
_NAME_CHARACTERS: Final = 16
_FINISHED: Final = frozenset({".pack", ".idx"})


class Mirror:
    """The mirror of one source beneath `directory`."""

    def __init__(self, directory: Path, name: str, url: str) -> None:
        self._directory = directory
        self._prefix = _digest(name)
        self.path = directory / f"{self._prefix}-{_digest(url)}.git"
        self._repository: pygit2.Repository | None = None

    @contextlib.contextmanager
    def locked(self, halt: Halt, seconds_max: float) -> Iterator[None]:
        """Keep other processes out. Raises `FetchError`."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        end = time.monotonic() + seconds_max
        with (self._directory / f"{self._prefix}.lock").open("w") as handle:
            while not _taken(handle.fileno()):
                if halt.wait(LOCK_SECONDS) or time.monotonic() > end:
                    raise FetchError(
                        "busy", f"another process uses the mirror {self.path}\n  hint: a state_dir for each"
                    )
            yield

    def update(self, transfer: Callable[[Path], object]) -> None:
        """Have the mirror fetched: in its place, or, where there is none or it is worn out, into a new one."""
        if self.path.exists() and self._packs() <= PACKS_MAX:
            transfer(self.path)
            return
        with tempfile.TemporaryDirectory(prefix=f"{self._prefix}-", suffix=".tmp", dir=self._directory) as draft:
            made = Path(draft) / "mirror.git"
            transfer(made)
            self.discard()
            made.rename(self.path)

    def discard(self) -> None:
        """Throw away this mirror, and those of addresses that the source had before."""
        self.close()
        for path in self._directory.glob(f"{self._prefix}-*"):
            if path.suffix == ".git":
                shutil.rmtree(path)

    def sweep(self) -> None:
        """Throw away drafts and packs that were never finished: whoever made them was killed."""
        for path in self._directory.glob(f"{self._prefix}-*.tmp"):
            shutil.rmtree(path, ignore_errors=True)
        for path in self._packs_directory.glob("*"):
            if path.suffix not in _FINISHED:
                path.unlink(missing_ok=True)

    def head(self) -> pygit2.Commit:
        """Return the commit that was fetched last. Raises `MirrorError`; `FetchError` for a tag of something else."""
        with _faults():
            repository = self._open()
            found = repository[repository.references[HEAD].target]
            try:
                return found.peel(pygit2.Commit)
            except (pygit2.InvalidSpecError, pygit2.GitError) as error:
                raise FetchError("ref_not_found", f"the tag names no commit: {error}") from error

    def tree(self, oid: pygit2.Oid) -> pygit2.Tree:
        """Return a tree. Raises `MirrorError`."""
        with _faults():
            found = self._open()[oid]
            if not isinstance(found, pygit2.Tree):
                raise MirrorError(f"{oid} is no tree")
            return found

    def size(self, oid: pygit2.Oid) -> int:
        """Return how many bytes an object has, without reading it. Raises `MirrorError`."""
        with _faults():
            return int(self._open().odb.read_header(oid)[1])

    def blob(self, oid: pygit2.Oid) -> bytes:
        """Return what a blob holds. Raises `MirrorError`."""
        with _faults():
            kind, data = self._open().odb.read(oid)
            if kind != ObjectType.BLOB:
                raise MirrorError(f"{oid} is no blob")
            return data

    def raw_commit(self, oid: str) -> bytes | None:
        """Return a commit's text, whatever the mirror leaves out of its history; None where it is not there."""
        with _faults():
            repository = self._open()
            if oid not in repository:
                return None
            kind, data = repository.odb.read(oid)
            return data if kind == ObjectType.COMMIT else None

    def close(self) -> None:
        """Let go of the files."""
        if self._repository is not None:
            self._repository.free()
        self._repository = None

    def _packs(self) -> int:
        return sum(1 for _ in self._packs_directory.glob("*.pack"))

    @property
    def _packs_directory(self) -> Path:
        return self.path / "objects" / "pack"

    def _open(self) -> pygit2.Repository:
        if self._repository is None:
            self._repository = pygit2.Repository(str(self.path))
        return self._repository


def beside(name: str) -> str:
    """Return the name under which a source keeps a second mirror: none that a source can have."""
    return f"{name}\n"


def forget(directory: Path, name: str) -> None:
    """Remove what the source of that name left in the directory."""
    for kept in (name, beside(name)):
        for path in directory.glob(f"{_digest(kept)}*"):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


@contextlib.contextmanager
def _faults() -> Iterator[None]:
    """Turn what libgit2 says of a mirror that is not whole into `MirrorError`."""
    try:
        yield
    except (pygit2.GitError, KeyError, ValueError, OSError) as error:
        raise MirrorError(str(error)) from error


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_NAME_CHARACTERS]


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def obey_no_configuration() -> None:
    """Keep libgit2 in this process from reading anybody's configuration: a mirror's own is all there is.

    And let the mirror be anybody's, as on a volume that is handed on: it lies in our state directory.
    """
    pygit2.settings.owner_validation = False
    for level in (ConfigLevel.SYSTEM, ConfigLevel.GLOBAL, ConfigLevel.XDG, ConfigLevel.PROGRAMDATA):
        pygit2.settings.search_path[level] = os.devnull
