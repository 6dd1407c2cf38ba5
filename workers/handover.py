"""The files of one attempt: those that earlier tasks left for it, and those that it leaves.

A runner finds the first in `handed`, a directory with one folder a task, and hands the second to `keep`. They go to and
come from the store of artifacts directly: no file crosses the broker.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from engine.artifacts import ArtifactError, Artifacts, Kept
from engine.broker.messages import Grant, HandedFile, KeptFile
from workers.artifacts import ArtifactsError, Limits, choose
from workers.checkouts import Checkouts
from workers.runners.interface import LogSink, Result, RunnerError, run_id_of, without_files

if TYPE_CHECKING:
    from engine.artifacts.store import ArtifactStore


class Handovers:
    """Makes them for one worker, in its directory."""

    def __init__(self, directory: Path, artifacts: Artifacts, limits: Limits, checkouts: Checkouts) -> None:
        self._directory = directory
        self._artifacts = artifacts
        self._limits = limits
        self._checkouts = checkouts
        shutil.rmtree(directory, ignore_errors=True)  # of an earlier process; who is resumed has fetched it

    def of(self, grant: Grant) -> "Handover":
        """Return that of one attempt."""
        directory = self._directory / grant.claim_id
        return Handover(grant, directory, self._artifacts, self._limits, self._checkouts)


class Handover:
    """One attempt's. Used by its slot's thread."""

    def __init__(
        self, grant: Grant, directory: Path, artifacts: Artifacts, limits: Limits, checkouts: Checkouts
    ) -> None:
        self._grant = grant
        self._directory = directory
        self._artifacts = artifacts
        self._limits = limits
        self._checkouts = checkouts
        self.tree: IO[bytes] | None = None
        """The source tree that the attempt starts in a copy of, as a tar archive; None where it does not."""
        self.kept: list[KeptFile] = []
        """What is in the store of what the attempt left."""

    @property
    def patterns(self) -> Sequence[str]:
        """Which files the attempt is to leave."""
        return self._grant.artifacts

    @property
    def handed(self) -> Path | None:
        """The directory of what earlier tasks left, None where none did."""
        return self._directory if self._grant.handed else None

    def fetch(self) -> None:
        """Have `handed` and `tree`. Raises `RunnerError`."""
        try:
            if self._grant.checkout is not None:
                self.tree = self._checkouts.open(self._grant.checkout)
            for file in self._grant.handed:
                _fetch(self._artifacts.open(), file, self._directory)
        except (ArtifactError, OSError) as error:
            raise RunnerError(f"the files that the task starts with cannot be had: {error}") from error

    def keep(self, directory: Path, result: Result, sink: LogSink) -> Result:
        """Keep what the patterns name below `directory`, and return the attempt's result."""
        if not self.patterns or result.state == "cancelled":
            return result
        try:
            self._keep(directory, complete=result.state == "succeeded")
        except ArtifactsError as error:
            return without_files(result, "invalid_output", str(error), sink)
        except (ArtifactError, OSError) as error:
            return without_files(result, "artifact", f"the artifacts could not be kept: {error}", sink)
        return result

    def close(self) -> None:
        """Remove what was fetched."""
        if self.tree is not None:
            self.tree.close()
        if self._grant.handed:
            shutil.rmtree(self._directory, ignore_errors=True)

    def _keep(self, directory: Path, *, complete: bool) -> None:
        chosen, unmatched = (
            choose(directory, self.patterns, self._limits) if directory.is_dir() else ([], self.patterns)
        )
        if complete and unmatched:
            raise ArtifactsError(f"no file matches {', '.join(unmatched)} of its artifacts")
        if chosen:
            store = self._artifacts.open()
            found = [(file.name, store.keep(run_id_of(self._grant.attempt), file.path)) for file in chosen]
            self.kept = [KeptFile(name, kept.size, kept.sha256) for name, kept in found]


def _fetch(store: "ArtifactStore", file: HandedFile, directory: Path) -> None:
    path = directory / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as target:
        for piece in store.read(Kept(file.run_id, file.size, file.sha256)):
            target.write(piece)
