"""The source tree beside the workflows, for tasks that start in a copy of it (`checkout`)."""

import hashlib
import io
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import msgspec

from dsl.loader import LoadResult
from engine.artifacts import CHECKOUTS, ArtifactError, Artifacts, Kept
from engine.sync.source import FetchError, Snapshot, Tree

FILES_MAX: Final = 10_000
BYTES_MAX: Final = 256 << 20


def with_tree(loaded: LoadResult, snapshot: Snapshot) -> LoadResult:
    """Let the digest of every workflow that checks out say what the tree holds, too: other files, another revision.

    Raises `FetchError`.
    """
    if snapshot.tree is None or not any(item.workflow.checks_out for item in loaded.workflows):
        return loaded
    digest = snapshot.tree().digest
    workflows = tuple(
        msgspec.structs.replace(item, digest=hashlib.sha256(f"{item.digest} {digest}".encode()).hexdigest())
        if item.workflow.checks_out
        else item
        for item in loaded.workflows
    )
    return msgspec.structs.replace(loaded, workflows=workflows)


class Bundles:
    """Trees as archives in the store of artifacts, under the SHA-256 of what they hold."""

    def __init__(self, artifacts: Artifacts) -> None:
        self._artifacts = artifacts
        self._last: tuple[str, Kept] | None = None

    def keep(self, tree: Tree) -> str:
        """Have the tree in the store and return its archive's SHA-256. Raises `FetchError`."""
        if self._last is not None and self._last[0] == tree.digest:
            return self._last[1].sha256
        with tempfile.NamedTemporaryFile(suffix=".tar") as file:
            write_bundle(tree, file)
            file.flush()
            try:
                kept = self._artifacts.open().keep(CHECKOUTS, Path(file.name))
            except ArtifactError as error:
                raise FetchError("no_store", f"the source tree cannot be kept for `checkout`: {error}") from error
        self._last = (tree.digest, kept)
        return kept.sha256


def write_bundle(tree: Tree, file: IO[bytes]) -> None:
    """Write the tree as a tar archive; the same tree gives the same bytes. Raises `FetchError` past a bound."""
    count = total = 0
    seen: set[str] = set()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for item in tree.files():
            data = item.read()
            count, total = count + 1, total + len(data)
            if count > FILES_MAX or total > BYTES_MAX:
                raise FetchError(
                    "too_large",
                    f"the source tree holds more than {FILES_MAX:,} files or {BYTES_MAX >> 20} MiB, too much for "
                    "`checkout`\n  hint: give the source a 'path', or keep large files elsewhere",
                )
            for folder in _folders(item.path):
                if folder not in seen:
                    seen.add(folder)
                    archive.addfile(_entry(folder, 0o777, directory=True))
            info = _entry(item.path, 0o555 if item.executable else 0o444)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def _folders(path: str) -> Iterator[str]:
    parts = path.split("/")[:-1]
    return ("/".join(parts[: number + 1]) for number in range(len(parts)))


def _entry(path: str, mode: int, *, directory: bool = False) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.mode = mode
    if directory:
        info.type = tarfile.DIRTYPE
    return info
