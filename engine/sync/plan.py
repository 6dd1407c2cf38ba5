"""The plan: what a source's workflows change, compared with what is active. Pure."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import msgspec

from dsl.diagnostics import Diagnostic, Fault, Span, diagnostic
from dsl.loader import LoadedWorkflow
from engine.store.revisions import Standing
from engine.sync.differences import FieldChange, differences
from engine.sync.moves import Key, Moves

Documents = Callable[[Collection[str]], Mapping[str, dict[str, Any]]]
"""Gives the active documents of workflows by workflow id."""

_T = TypeVar("_T")
_canonical: Final = msgspec.json.Encoder(order="sorted")


@dataclass(frozen=True, slots=True)
class Changed:
    """A workflow that gets a new revision. Its name differs from `standing`'s where it was renamed."""

    standing: Standing
    loaded: LoadedWorkflow
    fields: tuple[FieldChange, ...]

    @property
    def renamed(self) -> bool:
        """Whether it goes on under another name."""
        return self.standing.key != key_of(self.loaded)


@dataclass(frozen=True, slots=True)
class Returned:
    """An archived workflow, or one restored by hand, that is there again; with a new revision where `revised`."""

    standing: Standing
    loaded: LoadedWorkflow

    @property
    def revised(self) -> bool:
        """Whether it came back with another content than it left with."""
        return self.standing.digest != self.loaded.digest


@dataclass(frozen=True, slots=True)
class Moved:
    """A workflow whose content is as it was, in another file."""

    standing: Standing
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What applying would do.

    `held` stay as they are, since their file is faulty or somebody restored them without one; `unchanged` need nothing.
    """

    added: tuple[LoadedWorkflow, ...] = ()
    returned: tuple[Returned, ...] = ()
    changed: tuple[Changed, ...] = ()
    moved: tuple[Moved, ...] = ()
    removed: tuple[Standing, ...] = ()
    held: tuple[Standing, ...] = ()
    unchanged: tuple[Standing, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def revised(self) -> list[LoadedWorkflow]:
        """What gets a new revision."""
        returned = [item.loaded for item in self.returned if item.revised]
        return [*self.added, *(item.loaded for item in self.changed), *returned]

    @property
    def empty(self) -> bool:
        """Whether applying would change nothing."""
        return not (self.added or self.returned or self.changed or self.moved or self.removed)


@dataclass(slots=True)
class _Draft:
    added: list[LoadedWorkflow] = field(default_factory=list)
    returned: list[Returned] = field(default_factory=list)
    changed: list[tuple[Standing, LoadedWorkflow]] = field(default_factory=list)
    moved: list[Moved] = field(default_factory=list)
    held: list[Standing] = field(default_factory=list)
    unchanged: list[Standing] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)


def key_of(loaded: LoadedWorkflow) -> Key:
    """Return namespace and name."""
    return loaded.workflow.namespace, loaded.workflow.name


def make_plan(
    source: str,
    workflows: Sequence[LoadedWorkflow],
    standing: Iterable[Standing],
    *,
    documents: Documents,
    faulty: Collection[str] = (),
    faulty_names: Collection[str] = (),
) -> Plan:
    """Compare what a source holds with what stands.

    `standing` has every workflow of the source and of those names. A workflow whose file is among the `faulty` ones, or
    whose name one of them holds, is neither changed nor removed.
    """
    by_key = {item.key: item for item in standing}
    draft = _Draft()
    seen = {key_of(loaded) for loaded in workflows}
    moves = Moves(source, by_key, seen)
    for loaded in workflows:
        former = moves.former(loaded)
        if isinstance(former, Diagnostic):
            draft.diagnostics.append(former)
        else:
            _place(draft, source, loaded, former or by_key.get(key_of(loaded)), faulty)
    seen |= moves.taken
    gone = [item for item in by_key.values() if item.source == source and not item.archived and item.key not in seen]
    draft.held += [
        item for item in gone if item.path in faulty or item.name in faulty_names or item in moves.held or item.restored
    ]
    gone = [item for item in gone if item not in draft.held]
    return _finish(draft, gone, documents)


def _place(
    draft: _Draft, source: str, loaded: LoadedWorkflow, standing: Standing | None, faulty: Collection[str]
) -> None:
    if standing is None:
        draft.added.append(loaded)
    elif standing.archived or standing.restored:
        draft.returned.append(Returned(standing, loaded))
    elif standing.source != source:
        draft.diagnostics.append(_taken(loaded, standing))
    elif standing.path in faulty:
        draft.held.append(standing)
    elif standing.digest != loaded.digest:
        draft.changed.append((standing, loaded))
    else:
        draft.unchanged.append(standing)
        if standing.path != loaded.file:
            draft.moved.append(Moved(standing, loaded.file))


def _finish(draft: _Draft, gone: list[Standing], documents: Documents) -> Plan:
    wanted = [standing.id for standing, _ in draft.changed]
    if draft.added:
        wanted += [item.id for item in gone]
    before = documents(wanted) if wanted else {}
    renames = _renames(draft.added, gone, before) if draft.added else []
    kept = {standing.id for standing, _ in renames}
    reused = {key_of(loaded) for _, loaded in renames}
    pairs = [*draft.changed, *renames]
    return Plan(
        added=tuple(item for item in draft.added if key_of(item) not in reused),
        returned=tuple(draft.returned),
        changed=tuple(Changed(old, new, tuple(differences(before[old.id], new.document))) for old, new in pairs),
        moved=tuple(draft.moved),
        removed=tuple(item for item in gone if item.id not in kept),
        held=tuple(draft.held),
        unchanged=tuple(draft.unchanged),
        diagnostics=tuple(draft.diagnostics),
    )


def _renames(
    added: Sequence[LoadedWorkflow], gone: Sequence[Standing], before: Mapping[str, dict[str, Any]]
) -> list[tuple[Standing, LoadedWorkflow]]:
    """Pair what is gone with what is new of the same content but for its name, where there is only one such pair."""
    old = _by_content((item, before[item.id]) for item in gone if item.id in before)
    new = _by_content((item, item.document) for item in added)
    return [(old[body][0], items[0]) for body, items in new.items() if len(items) == 1 and len(old.get(body, ())) == 1]


def _by_content(items: Iterable[tuple[_T, dict[str, Any]]]) -> dict[str, list[_T]]:
    found: dict[str, list[_T]] = {}
    for item, document in items:
        body = {name: value for name, value in document.items() if name != "name"}
        found.setdefault(hashlib.sha256(_canonical.encode(body)).hexdigest(), []).append(item)
    return found


def _taken(loaded: LoadedWorkflow, standing: Standing) -> Diagnostic:
    name = "/".join(standing.key)
    message = f"the workflow '{name}' belongs to the source '{standing.source}' ({standing.path})"
    fault = Fault("E0201", message, Span(loaded.line, 1, loaded.line, 2), "give one of them another name")
    return diagnostic(fault, loaded.file)
