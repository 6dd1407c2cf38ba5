"""All files of a commit, for tasks that start in a copy of it. Links and submodules are left out."""

from collections.abc import Iterator
from functools import partial

import pygit2
from pygit2.enums import FileMode

from engine.sync.git.mirror import Mirror
from engine.sync.source import FetchError, Tree, TreeFile
from engine.sync.trees import FILES_MAX

DEPTH_MAX = 64


def tree_of(mirror: Mirror, top: pygit2.Oid) -> Tree:
    """Return the tree of a folder of a commit; its files are read when they are asked for."""
    return Tree(str(top), partial(_files, mirror, top))


def _files(mirror: Mirror, top: pygit2.Oid) -> Iterator[TreeFile]:
    """Give the plain files in the order of their paths. Raises `FetchError` past a bound, `MirrorError`."""
    found = sorted(_walk(mirror, top, "", 0), key=lambda item: item[0])
    for path, entry in found:
        executable = entry.filemode == FileMode.BLOB_EXECUTABLE
        yield TreeFile(path, executable, partial(mirror.blob, entry.id))


def _walk(mirror: Mirror, oid: pygit2.Oid, prefix: str, depth: int) -> Iterator[tuple[str, pygit2.Object]]:
    if depth > DEPTH_MAX:
        raise FetchError("too_deep", f"{prefix} lies more than {DEPTH_MAX} folders deep")
    for number, entry in enumerate(mirror.tree(oid)):
        if number > FILES_MAX:
            raise FetchError("too_large", f"the folder {prefix or '/'} has too many entries for `checkout`")
        try:
            path = prefix + (entry.raw_name or b"").decode()
        except UnicodeDecodeError:
            continue
        if entry.filemode == FileMode.TREE:
            yield from _walk(mirror, entry.id, f"{path}/", depth + 1)
        elif entry.filemode in {FileMode.BLOB, FileMode.BLOB_EXECUTABLE}:
            yield path, entry
