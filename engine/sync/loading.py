"""Loading a snapshot: a file is loaded when its content is new, the checks across files are made each time.

A file's content is also new when a defaults file that reaches it is.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final, NamedTuple

from dsl.defaults import Layer, is_defaults, layers_of, load_layer, unreadable
from dsl.diagnostics import Severity
from dsl.loader import LoadResult, join, load_alone, of_layer
from dsl.model import Workflow
from dsl.namespaces import refuse_foreign
from dsl.pool_kinds import PoolKinds, refuse_lacking
from engine.store.reads_live import Live
from engine.sync.files import UnreadableFileError
from engine.sync.files import unreadable as unreadable_file
from engine.sync.source import Rules, Snapshot, SourceFile
from engine.sync.trees import with_tree

_NAME: Final = re.compile(r"""^["']?name["']?[ \t]*:[ \t]*["']?([a-z0-9][a-z0-9._-]*)""", re.MULTILINE)


Ask = Callable[[Collection[str]], Mapping[str, Live]]
"""Gives those of the names (`namespace/name`) that are live, whatever source they are of."""
_Key = tuple[str, ...]


class _Loaded(NamedTuple):
    """One file's workflows, and whether one of them checks out the source tree: asked of all files at each look."""

    result: LoadResult
    checks_out: bool = False


class SnapshotLoader:
    """The load results of the files of the source `source`, kept by path and the digests of all that they rest on."""

    def __init__(self, rules: Rules, pool_kinds: PoolKinds | None = None, source: str = "") -> None:
        self._rules = rules
        self._pool_kinds = pool_kinds or {}
        self._source = source
        self._kept: dict[_Key, _Loaded] = {}
        self._layers: dict[_Key, Layer] = {}
        self.new_files = 0
        """How many files the last load read: the others were as they were."""
        self.checks_out = False
        """Whether a workflow of the snapshot that was loaded last checks out its source tree."""

    def fork(self) -> "SnapshotLoader":
        """Return a loader that begins with what this one has loaded, and goes its own way. Called by any thread."""
        other = SnapshotLoader(self._rules, self._pool_kinds, self._source)
        other._kept, other._layers = self._kept, self._layers  # both are replaced and never changed
        return other

    def load(self, snapshot: Snapshot, ask: Ask | None = None) -> LoadResult:
        """Return the workflows of the snapshot, and every diagnostic of it, those of unreadable files too.

        `ask` gives what the engine has besides; without it a workflow that is nowhere in the snapshot is a warning.
        Raises `FetchError`.
        """
        defaults = {path: file for path, file in snapshot.files.items() if is_defaults(path)}
        layers = self._load_layers(defaults.values())
        layers |= {item.file: unreadable(item) for item in snapshot.faults if is_defaults(item.file)}
        digests = {path: layer.digest for path, layer in layers.items()}
        kept, self.new_files = {}, 0
        for path, file in snapshot.files.items():
            if path not in defaults:
                above = layers_of(path, layers) if layers else []
                key = (path, file.digest, *(f"{layer.file} {digests[layer.file]}" for layer in above))
                kept[key] = self._kept.get(key) or self._load(file, above)
        self._kept = kept
        self.checks_out = any(item.checks_out for item in kept.values())
        parts = [*(item.result for item in kept.values()), *map(of_layer, layers.values())]
        parts.append(LoadResult(workflows=(), diagnostics=snapshot.faults))
        known = None if ask is None else self._known(ask, parts)
        loaded = refuse_foreign(join(parts, known=known), self._rules.namespaces)
        loaded = refuse_lacking(loaded, self._pool_kinds)
        return with_tree(loaded, snapshot) if self.checks_out else loaded

    def _load(self, file: SourceFile, above: list[Layer]) -> "_Loaded":
        self.new_files += 1
        try:
            data = file.read()
        except UnreadableFileError as error:
            return _Loaded(LoadResult(workflows=(), diagnostics=(unreadable_file(file.path, error),)))
        result = load_alone(data, file.path, namespace=self._rules.namespace, layers=above)
        return _Loaded(result, any(item.workflow.checks_out for item in result.workflows))

    def _load_layers(self, files: Iterable[SourceFile]) -> dict[str, Layer]:
        layers = {(file.path, file.digest): file for file in files}
        self._layers = {key: self._layers.get(key) or _layer(file) for key, file in layers.items()}
        return {path: layer for (path, _), layer in self._layers.items()}

    def _known(self, ask: Ask, parts: list[LoadResult]) -> Callable[[Collection[str]], Mapping[str, Workflow | None]]:
        """Leave out what the snapshot no longer holds: only a faulty file keeps its workflows as they are."""
        faulty = frozenset[str]().union(*map(faulty_files, parts))

        def known(names: Collection[str]) -> dict[str, Workflow | None]:
            found = ask(names).values()
            return {item.name: item.workflow for item in found if item.source != self._source or item.path in faulty}

        return known


def _layer(file: SourceFile) -> Layer:
    try:
        return load_layer(file.read(), file.path)
    except UnreadableFileError as error:
        return unreadable(unreadable_file(file.path, error))


def faulty_files(result: LoadResult) -> frozenset[str]:
    """Return the files that have an error, or whose workflows are refused for one in another file."""
    return result.refused | {item.file for item in result.diagnostics if item.severity is Severity.ERROR}


def names_in(result: LoadResult, files: frozenset[str]) -> frozenset[str]:
    """Return the workflow names that faulty files seem to hold: what stands at `name:` at the start of a line."""
    return frozenset(name for file in files for name in _NAME.findall(result.sources.get(file, "")))
