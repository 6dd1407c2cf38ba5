"""Loading a snapshot: a file is loaded when its content is new, the checks across files are made each time."""

import re
from typing import Final

from dsl.diagnostics import Severity
from dsl.loader import LoadResult, join, load_text
from dsl.pool_kinds import PoolKinds, refuse_lacking
from engine.sync.source import Snapshot

_NAME: Final = re.compile(r"""^["']?name["']?[ \t]*:[ \t]*["']?([a-z0-9][a-z0-9._-]*)""", re.MULTILINE)


class SnapshotLoader:
    """The load results of one source's files, kept by path and digest."""

    def __init__(self, namespace: str, pool_kinds: PoolKinds | None = None) -> None:
        self._namespace = namespace
        self._pool_kinds = pool_kinds or {}
        self._kept: dict[tuple[str, str], LoadResult] = {}

    def load(self, snapshot: Snapshot) -> LoadResult:
        """Return the workflows of the snapshot, and every diagnostic of it, those of unreadable files too."""
        kept = {}
        for path, file in snapshot.files.items():
            key = (path, file.digest)
            kept[key] = self._kept.get(key) or load_text(file.read(), path, namespace=self._namespace)
        self._kept = kept
        joined = join([*kept.values(), LoadResult(workflows=(), diagnostics=snapshot.faults)])
        return refuse_lacking(joined, self._pool_kinds)


def faulty_files(result: LoadResult) -> frozenset[str]:
    """Return the files that have an error."""
    return frozenset(item.file for item in result.diagnostics if item.severity is Severity.ERROR)


def names_in(result: LoadResult, files: frozenset[str]) -> frozenset[str]:
    """Return the workflow names that faulty files seem to hold: what stands at `name:` at the start of a line."""
    return frozenset(name for file in files for name in _NAME.findall(result.sources.get(file, "")))
