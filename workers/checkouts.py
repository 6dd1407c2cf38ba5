"""Source trees for attempts: fetched once a worker, kept as archives in a bounded cache, unpacked for each attempt."""

import os
import tarfile
import threading
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import IO

from engine.artifacts import CHECKOUTS, Artifacts, Kept


class Checkouts:
    """The cache of one worker. Any thread may call."""

    def __init__(self, directory: Path, artifacts: Artifacts, bytes_max: int) -> None:
        self._directory = directory
        self._artifacts = artifacts
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._fetching: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def open(self, sha256: str) -> IO[bytes]:
        """Return the archive of a tree, to be closed by whoever reads it. Raises `ArtifactError`, `OSError`.

        What is open stays readable when it is put out of the cache.
        """
        path = self._directory / f"{sha256}.tar"
        with self._lock:
            fetching = self._fetching[sha256]
        with fetching:
            try:
                file = path.open("rb")
            except FileNotFoundError:
                self._fetch(sha256, path)
                file = path.open("rb")
                self._trim()
        now = time.time_ns()  # the kernel's own "now" is too coarse to tell two uses apart
        os.utime(file.fileno(), ns=(now, now))
        return file

    def _fetch(self, sha256: str, path: Path) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".part")
        with draft.open("wb") as file:
            for piece in self._artifacts.open().read(Kept(CHECKOUTS, 0, sha256)):
                file.write(piece)
        draft.replace(path)

    def _trim(self) -> None:
        """Remove what was used longest ago, until the rest fits."""
        found = sorted(((status.st_mtime_ns, status.st_size, path) for path, status in self._archives()), reverse=True)
        total = 0
        for _, size, path in found:
            total += size
            if total > self._bytes_max:
                path.unlink(missing_ok=True)

    def _archives(self) -> list[tuple[Path, os.stat_result]]:
        found = []
        for path in self._directory.glob("*.tar"):
            with suppress(FileNotFoundError):
                found.append((path, path.stat()))
        return found


def unpack(file: IO[bytes], directory: Path) -> None:
    """Unpack a tree. Its files are read-only copies; the directories are not, so that a script can work there."""
    with tarfile.open(fileobj=file) as archive:
        for member in archive:
            path = directory / member.name
            if ".." in member.name.split("/") or member.name.startswith("/"):
                raise OSError(f"the source tree names a file outside itself: {member.name}")
            if member.isdir():
                path.mkdir(exist_ok=True)
            elif (content := archive.extractfile(member)) is not None:
                with path.open("wb") as target:
                    while piece := content.read(1024 * 1024):
                        target.write(piece)
                path.chmod(member.mode & 0o555)
