"""A folder as a source: watched with watchfiles, and looked at now and then in case a change went unseen.

The watcher is watchfiles' Rust backend itself (its documentation has a page on that): the generator `watch` would start
to watch only when it is first waited on, after the first look.
"""

import hashlib
import logging
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

from dsl.defaults import is_defaults
from dsl.diagnostics import Diagnostic
from engine.sync.files import FolderFiles
from engine.sync.folder_tree import FolderTree
from engine.sync.source import FetchError, Halt, Rules, Snapshot, SourceFile

log = logging.getLogger(__name__)

GROUP_MILLISECONDS: Final = 400
"""Changes that follow each other closely are taken together, for at most this long."""
STEP_MILLISECONDS: Final = 50
"""How often the watcher looks at what the kernel told it: half the delay of a change, and all of its idle cost."""
UNWATCHED_SECONDS: Final = 1.0
"""How often a folder is looked at that cannot be watched, or is not there."""


class FolderSource:
    """The workflow files of a folder and the folders beneath it."""

    kind = "folder"

    def __init__(self, name: str, folder: Path, rules: Rules | None = None) -> None:
        self.name = name
        self.folder = folder
        self.rules = rules or Rules()
        self._files = FolderFiles(folder)
        self._tree = FolderTree(folder)
        self._watcher: RustNotify | None = None
        self._watched: tuple[int, int] | None = None

    @property
    def config(self) -> dict[str, Any]:
        """What is shown of its configuration."""
        return {
            "path": str(self.folder),
            "namespace": self.rules.namespace,
            "policy": self.rules.policy.value,
            "prune": self.rules.prune,
            **self.rules.bounds,
        }

    def fetch(self) -> Snapshot:
        """Return what is there now. Raises `FetchError`, also for a folder without any workflow file.

        The watcher stands before anything is read, so that a change during the look is found by the next `wait`.
        """
        try:
            self._watch()
            return self._looked(self._files, self._tree)
        except OSError as error:
            raise self._unreadable(error) from error

    def snapshot_of(self, ref: str) -> Snapshot:
        """Return what is there now: a folder has no branches, tags and commits. Raises `FetchError`."""
        if ref:
            message = f"{self.name} is a folder, and has no branches, tags or commits"
            raise FetchError("no_refs", f"{message}\n  hint: plan the files instead, with chronoverse plan FOLDER")
        try:
            return self._looked(FolderFiles(self.folder), FolderTree(self.folder))
        except OSError as error:
            raise self._unreadable(error) from error

    def _looked(self, folder: FolderFiles, tree: FolderTree) -> Snapshot:
        files, faults = folder.look()
        if all(map(is_defaults, files)) and not faults:
            raise FetchError("empty", f"the folder {self.folder} holds no workflow file; nothing is removed for that")
        version = _version(files, faults)
        return Snapshot(version=version, files=files, faults=tuple(faults), tree=tree.look)

    def _unreadable(self, error: OSError) -> FetchError:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return FetchError("absent", f"the folder {self.folder} is not there\n  hint: create it")
        return FetchError("unreadable", f"the folder {self.folder} cannot be read: {error.strerror}")

    def wait(self, halt: Halt, timeout_seconds: float) -> bool:
        """Wait for a change beneath the folder; see `Source.wait`."""
        if self._watcher is None:
            return not halt.wait(min(timeout_seconds, UNWATCHED_SECONDS)) and self.folder.is_dir()
        end = time.monotonic() + timeout_seconds
        while not halt.is_set() and (left := end - time.monotonic()) > 0:
            found = self._watcher.watch(GROUP_MILLISECONDS, STEP_MILLISECONDS, max(int(left * 1000), 1), halt)
            if not isinstance(found, str) and any(self._concerns(path) for _, path in found):
                return True
        return False

    def nudge(self) -> None:
        """Nothing to do: every fetch looks."""

    def interrupt(self) -> None:
        """Nothing to do: a fetch is short."""

    def close(self) -> None:
        """Stop watching."""
        if self._watcher is not None:
            self._watcher.close()
        self._watcher = self._watched = None

    def _watch(self) -> None:
        """Watch the folder that is there now: another one of the same name needs another watcher."""
        try:
            status = self.folder.stat()
        except OSError:
            self.close()
            raise
        if self._watched != (status.st_dev, status.st_ino):
            self.close()
            self._watcher = self._start()
            self._watched = (status.st_dev, status.st_ino)

    def _start(self) -> RustNotify | None:
        try:
            return RustNotify([str(self.folder.resolve())], False, False, 300, True, True)  # noqa: FBT003
        except (OSError, WatchfilesRustInternalError) as error:
            log.warning(
                "%s cannot be watched, and is looked at every %g s: %s\n  hint: raise fs.inotify.max_user_watches",
                self.folder,
                UNWATCHED_SECONDS,
                error,
            )
            return None

    def _concerns(self, path: str) -> bool:
        """Whether a change may be one of workflows.

        What is hidden is not, or a state directory in here would wake its own sync; `..data` is: Kubernetes swaps it.
        """
        try:
            parts = Path(path).relative_to(self.folder.resolve()).parts
        except ValueError:
            return True
        return not any(part.startswith(".") and not part.startswith("..") for part in parts)


def _version(files: dict[str, SourceFile], faults: Collection[Diagnostic]) -> str:
    """Name what is there by its content: SHA-256 over paths and digests, and over what cannot be read."""
    sha = hashlib.sha256()
    for path, file in files.items():
        sha.update(f"{path}\0{file.digest}\0".encode())
    for fault in faults:
        sha.update(f"{fault.file}\0{fault.message}\0".encode())
    return sha.hexdigest()
