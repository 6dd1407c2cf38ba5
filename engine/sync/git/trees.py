"""The workflow files of a commit: bounded, never out of the tree, and no blob is read.

Files are those that `engine.sync.files` takes of a folder, fewer by the source's globs. A symbolic link to a file in
the source's folder is read as that file; one that leads elsewhere is a diagnostic. Submodules are passed over.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath
from typing import Any, Final

import pygit2
from pygit2.enums import FileMode

from dsl.defaults import is_defaults
from dsl.diagnostics import Diagnostic
from dsl.limits import FILE_BYTES_MAX
from dsl.loader import SUFFIXES
from engine.sync.files import UnreadableFileError, unreadable
from engine.sync.git.config import GitConfig
from engine.sync.git.globs import chosen
from engine.sync.git.links import target
from engine.sync.git.mirror import Mirror
from engine.sync.source import FetchError, SourceFile

TREE_BYTES_MAX: Final = 64 << 20
"""One folder's entries, as git keeps them."""
LFS: Final = b"version https://git-lfs.github.com/spec/"
LFS_BYTES_MAX: Final = 1024
"""A pointer's size, by Git LFS's specification."""


@dataclass(slots=True)
class _Folder:
    """What was found in a folder. Links are kept unresolved: where they lead may change without them.

    `entries`, `taken` (files) and `size_bytes` count what lies beneath, too.
    """

    oid: pygit2.Oid
    files: list[SourceFile] = field(default_factory=list)
    links: list[tuple[str, pygit2.Oid]] = field(default_factory=list)
    faults: list[Diagnostic] = field(default_factory=list)
    folders: dict[str, "_Folder"] = field(default_factory=dict)
    entries: int = 0
    taken: int = 0
    size_bytes: int = 0

    def all(self) -> Iterator["_Folder"]:
        """Give this folder and those beneath."""
        yield self
        for folder in self.folders.values():
            yield from folder.all()


class Trees:
    """The files of one source's commits. A folder that is as it was is not looked into again.

    `read` gives what a blob holds, when somebody reads a file.
    """

    def __init__(self, config: GitConfig, mirror: Mirror, read: Callable[[pygit2.Oid], bytes]) -> None:
        self._read_blob = read
        self._limits = config.limits
        self._mirror = mirror
        self._path = config.path
        self._url = config.url
        self._chosen = chosen(config.include, config.exclude)
        self._before: _Folder | None = None

    def look(self, root: pygit2.Oid) -> tuple[dict[str, SourceFile], list[Diagnostic]]:
        """Return the readable files by path, and a diagnostic for each other.

        Raises `FetchError` past a bound or where `path` is no folder, `MirrorError` for a mirror that is not whole.
        """
        top = self.top(root)
        self._before = found = self._folder(top, "", 0, self._before)
        files = {file.path: file for folder in found.all() for file in folder.files}
        faults = [fault for folder in found.all() for fault in folder.faults]
        for path, oid in (link for folder in found.all() for link in folder.links):
            try:
                files[path] = self._file(path, target(self._mirror, top, path, oid))
            except UnreadableFileError as error:
                faults.append(unreadable(path, error))
        return dict(sorted(files.items())), faults

    def top(self, root: pygit2.Oid) -> pygit2.Oid:
        """Return the tree of the source's folder. Raises `FetchError`, `MirrorError`."""
        oid = root
        for part in filter(None, self._path.split("/")):
            tree = self._mirror.tree(oid)
            if part not in tree:
                raise FetchError(
                    "absent", f"{self._url} has no folder {self._path!r} at this commit\n  hint: check 'path'"
                )
            if tree[part].filemode != FileMode.TREE:
                what = _KINDS.get(tree[part].filemode, "a file")
                hint = "name a folder of this repository: neither submodules nor links are followed"
                raise FetchError("absent", f"{part!r} in 'path' {self._path!r} is {what}\n  hint: {hint}")
            oid = tree[part].id
        return oid

    def _folder(self, oid: pygit2.Oid, prefix: str, depth: int, before: _Folder | None) -> _Folder:
        if before is not None and before.oid == oid:
            return before
        if depth > self._limits.depth_max:
            raise FetchError("too_deep", f"{prefix} lies more than {self._limits.depth_max} folders deep")
        if self._mirror.size(oid) > TREE_BYTES_MAX:
            raise FetchError("too_many_files", f"the folder {prefix or '/'} of {self._url} has too many entries")
        found = _Folder(oid)
        for entry in self._mirror.tree(oid):
            found.entries += 1
            self._enter(found, entry, prefix, depth, before)
            self._check(found)
        return found

    def _enter(self, found: _Folder, entry: Any, prefix: str, depth: int, before: _Folder | None) -> None:
        name = entry.raw_name.decode("utf-8", "surrogateescape")
        path = f"{prefix}{name}"
        if entry.filemode == FileMode.TREE:
            if not name.startswith((".", "_")):
                known = before.folders.get(name) if before is not None else None
                _count(found, name, self._folder(entry.id, f"{path}/", depth + 1, known))
        elif entry.filemode != FileMode.COMMIT and self._is_workflow(path, name):
            found.taken += 1
            if entry.filemode == FileMode.LINK:
                found.links.append((path, entry.id))
                return
            try:
                file = self._file(path, entry.id)
            except UnreadableFileError as error:
                found.faults.append(unreadable(path, error))
            else:
                found.files.append(file)
                found.size_bytes += self._mirror.size(entry.id)

    def _is_workflow(self, path: str, name: str) -> bool:
        if is_defaults(name):
            return True
        pure = PurePosixPath(name)
        hidden = name.startswith((".", "_")) or pure.suffix not in SUFFIXES or pure.stem.endswith(".test")
        return not hidden and self._chosen(path)

    def _check(self, found: _Folder) -> None:
        limits = self._limits
        if found.entries > limits.entries_max:
            raise FetchError("too_many_files", f"{self._url} holds more than {limits.entries_max:,} files and folders")
        if found.taken > limits.files_max:
            raise FetchError("too_many_files", f"{self._url} holds more than {limits.files_max:,} workflow files")
        if found.size_bytes > limits.total_bytes_max:
            raise FetchError("too_large", f"{self._url} holds more than {limits.total_bytes_max:,} bytes of workflows")

    def _file(self, path: str, oid: pygit2.Oid) -> SourceFile:
        try:
            path.encode()
        except UnicodeEncodeError:
            raise UnreadableFileError("its name is not valid UTF-8") from None
        size_bytes, limit = self._mirror.size(oid), self._limits.file_bytes_max
        if size_bytes > limit:
            raise UnreadableFileError(f"it has {size_bytes:,} bytes, more than {limit:,}")
        return SourceFile(path, str(oid), partial(self._read, oid))

    def _read(self, oid: pygit2.Oid) -> bytes:
        """Read a file. Raises `UnreadableFileError` for a pointer to Git LFS, and what reading raises."""
        data = self._read_blob(oid)[: FILE_BYTES_MAX + 1]
        if data.startswith(LFS) and len(data) < LFS_BYTES_MAX:
            raise UnreadableFileError("it is in Git LFS, which is not fetched: keep workflows in git itself")
        return data


_KINDS: Final = {FileMode.COMMIT: "a submodule", FileMode.LINK: "a symbolic link"}


def _count(found: _Folder, name: str, inner: _Folder) -> None:
    found.folders[name] = inner
    found.entries += inner.entries
    found.taken += inner.taken
    found.size_bytes += inner.size_bytes
