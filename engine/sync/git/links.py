"""Where symbolic links of a tree lead, without a file system: never out of the tree."""

import posixpath
from typing import Any, Final

import pygit2
from pygit2.enums import FileMode

from engine.sync.files import UnreadableFileError
from engine.sync.git.mirror import Mirror

LINKS_MAX: Final = 8
"""Links that lead to links."""
LINK_BYTES_MAX: Final = 4096


def target(mirror: Mirror, top: pygit2.Oid, path: str, oid: pygit2.Oid) -> pygit2.Oid:
    """Return the blob that the link at `path` leads to; `oid` is the link's own, `top` the tree that it must stay in.

    Raises `UnreadableFileError` that says why there is none, `MirrorError` for a mirror that is not whole.
    """
    place = path
    for _ in range(LINKS_MAX):
        place = _led_to(mirror, place, oid)
        entry = _entry(mirror, top, place)
        if entry.filemode in {FileMode.BLOB, FileMode.BLOB_EXECUTABLE}:
            return _oid(entry)
        if entry.filemode != FileMode.LINK:
            raise UnreadableFileError("it is a symbolic link to something that is no file")
        oid = _oid(entry)
    raise UnreadableFileError(f"it is a symbolic link that leads through more than {LINKS_MAX} others")


def _led_to(mirror: Mirror, path: str, oid: pygit2.Oid) -> str:
    if mirror.size(oid) > LINK_BYTES_MAX:
        raise UnreadableFileError("it is a symbolic link that is too long")
    leads = mirror.blob(oid).decode("utf-8", "surrogateescape")
    place = posixpath.normpath(posixpath.join(posixpath.dirname(path), leads))
    if leads.startswith("/") or place == ".." or place.startswith("../"):
        raise UnreadableFileError("it is a symbolic link that leads out of the source")
    return place


def _entry(mirror: Mirror, top: pygit2.Oid, path: str) -> Any:
    """Return what lies at a path, not through links to folders."""
    *folders, name = path.split("/")
    tree = mirror.tree(top)
    for part in folders:
        if part not in tree or tree[part].filemode != FileMode.TREE:
            raise UnreadableFileError("it is a symbolic link that leads nowhere, or through another one")
        tree = mirror.tree(_oid(tree[part]))
    if name not in tree:
        raise UnreadableFileError("it is a symbolic link that leads nowhere")
    return tree[name]


def _oid(entry: Any) -> pygit2.Oid:
    found = entry.id
    assert isinstance(found, pygit2.Oid)
    return found
