"""Looking at files as if they were a source's, to say what they would change. Nothing is written."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Final

from dsl.defaults import is_defaults
from dsl.diagnostics import Diagnostic, in_order
from dsl.loader import SUFFIXES
from dsl.model import DEFAULT_NAMESPACE
from dsl.pool_kinds import PoolKinds
from engine.store import sources
from engine.store.connection import Connection
from engine.store.reads_live import Live, live
from engine.sync.conditions import Findings
from engine.sync.files import FILES_MAX, TOTAL_BYTES_MAX
from engine.sync.finding import find
from engine.sync.git.globs import chosen
from engine.sync.loading import SnapshotLoader
from engine.sync.plan import Changed, Plan
from engine.sync.source import Policy, Rules, Snapshot, SourceFile

PATH_CHARACTERS_MAX: Final = 1_000


class FilesError(ValueError):
    """The files cannot be a source's; `path` is that of the file at fault, empty where it is all of them."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path


@dataclass(frozen=True, slots=True)
class Preview:
    """What files would change. `uncompared` are workflows of which only the tree beside them is not known.

    A workflow with `checkout` gets a new revision whenever any file of its source differs; files that are sent are
    workflow files only.
    """

    findings: Findings
    diagnostics: tuple[Diagnostic, ...]
    uncompared: tuple[str, ...] = ()

    @property
    def plan(self) -> Plan:
        """What would be done, were nothing in the way."""
        return self.findings.plan


def rules_of(config: Mapping[str, Any]) -> Rules:
    """Return how a source is taken over, from what is kept of its configuration."""
    return Rules(
        namespace=config.get("namespace", DEFAULT_NAMESPACE),
        namespaces=tuple(config.get("namespaces", ())),
        policy=Policy(config.get("policy", Policy.PARTIAL)),
        prune=config.get("prune", True),
    )


def snapshot_of(files: Mapping[str, bytes], config: Mapping[str, Any]) -> Snapshot:
    """Return the files that the source would take of these, by path. Raises `FilesError`."""
    for path in files:
        _check(path)
    if len(files) > FILES_MAX:
        raise FilesError("", f"there are {len(files):,} files; a source takes {FILES_MAX:,}")
    if sum(map(len, files.values())) > TOTAL_BYTES_MAX:
        raise FilesError("", f"the files hold more than {TOTAL_BYTES_MAX:,} bytes")
    wanted = chosen(config.get("include", ()), config.get("exclude", ()))
    taken = {path: _file(path, data) for path, data in sorted(files.items()) if _is_workflow(path, wanted(path))}
    if all(map(is_defaults, taken)):
        raise FilesError("", "there is no workflow file among them; a sync removes nothing for that")
    names = "".join(f"{path}\0{file.digest}\0" for path, file in taken.items())
    return Snapshot(version=hashlib.sha256(names.encode()).hexdigest(), files=taken)


def preview(
    connection: Connection,
    source: str,
    config: Mapping[str, Any],
    files: Mapping[str, bytes],
    pool_kinds: PoolKinds | None = None,
) -> Preview:
    """Return what these files would change if they were all that the source holds. Raises `FilesError`."""
    rules = rules_of(config)
    loader = SnapshotLoader(rules, pool_kinds, source)
    return _without_trees(preview_snapshot(connection, source, rules, snapshot_of(files, config), loader))


def preview_snapshot(
    connection: Connection, source: str, rules: Rules, snapshot: Snapshot, loader: SnapshotLoader
) -> Preview:
    """Return what a snapshot would change if it were what the source holds. Raises `FetchError`."""

    def ask(names: Collection[str]) -> dict[str, Live]:
        return live(connection, names)

    loaded = loader.load(snapshot, ask)
    found = find(connection, source, rules, snapshot, loaded, sources.load(connection, source))
    return Preview(found, in_order([*loaded.diagnostics, *found.plan.diagnostics]))


def _check(path: str) -> None:
    parts = path.split("/")
    if not path or len(path) > PATH_CHARACTERS_MAX or "\\" in path or not path.isprintable():
        raise FilesError(
            path[:PATH_CHARACTERS_MAX], f"a path has 1 to {PATH_CHARACTERS_MAX:,} printable characters, with '/'"
        )
    if any(part in {"", ".", ".."} for part in parts):
        raise FilesError(path, "a path is relative to the source, without '.' and '..'")


def _is_workflow(path: str, wanted: bool) -> bool:
    """Whether a source takes the file; see `engine.sync.files`."""
    *folders, name = path.split("/")
    if any(folder.startswith((".", "_")) for folder in folders):
        return False
    if is_defaults(path):
        return True
    pure = PurePosixPath(name)
    hidden = name.startswith((".", "_")) or pure.suffix not in SUFFIXES or pure.stem.endswith(".test")
    return not hidden and wanted


def _file(path: str, data: bytes) -> SourceFile:
    return SourceFile(path, hashlib.sha256(data).hexdigest(), lambda: data)


def _without_trees(seen: Preview) -> Preview:
    """Set aside what differs only by the tree, which is not known here."""
    plan = seen.plan
    aside = [item for item in plan.changed if _only_tree(item)]
    unchanged = (*plan.unchanged, *(item.standing for item in aside))
    changed = tuple(item for item in plan.changed if item not in aside)
    names = tuple("/".join(item.standing.key) for item in aside)
    findings = replace(seen.findings, plan=replace(plan, changed=changed, unchanged=unchanged))
    return replace(seen, findings=findings, uncompared=names)


def _only_tree(item: Changed) -> bool:
    return item.loaded.workflow.checks_out and not item.fields and not item.renamed
