"""All files of a folder source, for tasks that start in a copy of it. Names that begin with `.` are left out."""

import hashlib
import os
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from engine.sync.files import ENTRIES_MAX
from engine.sync.source import FetchError, Tree, TreeFile
from engine.sync.trees import BYTES_MAX, FILES_MAX

Stamp = tuple[int, ...]


class FolderTree:
    """The tree of one folder. What has not changed since the last look is not read again."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seen: dict[str, tuple[Stamp, str]] = {}

    def look(self) -> Tree:
        """Return what is there now. Raises `FetchError`."""
        root = self._root.resolve()
        seen: dict[str, tuple[Stamp, str]] = {}
        found: list[TreeFile] = []
        sha = hashlib.sha256()
        try:
            for path, status in sorted(_walk(root)):
                stamp = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
                known = self._seen.get(path)
                digest = known[1] if known is not None and known[0] == stamp else _digest(root / path)
                seen[path] = (stamp, digest)
                executable = bool(status.st_mode & stat.S_IXUSR)
                sha.update(f"{path}\0{digest}\0{executable}\0".encode("utf-8", "surrogateescape"))
                found.append(TreeFile(path, executable, partial(_read, root / path, digest)))
        except OSError as error:
            raise FetchError("unreadable", f"{error.filename} cannot be read: {error.strerror}") from error
        self._seen = seen
        return Tree(sha.hexdigest(), lambda: iter(found))


def _walk(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Give the plain files below, and how they are; links are not followed. Raises `FetchError` past a bound."""
    folders, entries, files, size = [root], 0, 0, 0
    while folders:
        with os.scandir(folders.pop()) as found:
            for entry in found:
                entries += 1
                if entry.name.startswith("."):
                    continue
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    folders.append(Path(entry.path))
                elif stat.S_ISREG(status.st_mode):
                    files, size = files + 1, size + status.st_size
                    yield Path(entry.path).relative_to(root).as_posix(), status
                if entries > ENTRIES_MAX or files > FILES_MAX or size > BYTES_MAX:
                    raise FetchError(
                        "too_large",
                        f"{root} holds more than {FILES_MAX:,} files or {BYTES_MAX >> 20} MiB, too much for `checkout`"
                        "\n  hint: watch a smaller folder, or keep large files elsewhere",
                    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path, digest: str) -> bytes:
    """Read a file as it was when it was looked at. Raises `FetchError` if it is another by now."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FetchError("unreadable", f"{path} cannot be read: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != digest:
        raise FetchError("changing", f"{path} was changed while it was read\n  hint: the next look takes it as it is")
    return data
