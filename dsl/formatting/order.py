"""The order of keys: that in which the JSON Schemas present them. Maps whose keys an author names keep theirs."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import schemas
from dsl.formatting.tree import Collection, Entry, Node, anchors

_TASK_HEAD: Final = (
    "id", "needs", "if", "matrix", "for_each", "max_parallel", "fail_fast", "container", "run", "shell",
)  # fmt: skip
"""What a reader wants to know first of a task: when it runs, and what it does."""
_KIND_PLACE: Final = "http"
"""The kinds that packages add stand where those of our own do."""

Schema = Mapping[str, Any]


def arrange(root: Node, schema: str) -> None:
    """Put the keys of a document into their order. Where an anchor would move behind its use, nothing moves."""
    definition = schemas.load(schema)
    before = anchors(root)
    undo: list[tuple[Collection, list[Entry]]] = []
    _arrange(root, [definition], definition, undo)
    if before != anchors(root):
        for collection, entries in undo:
            collection.entries = entries
        return
    for collection, entries in undo:
        _forget_blanks(collection.entries, entries)


def _forget_blanks(now: Sequence[Entry], before: Sequence[Entry]) -> None:
    """Drop the blank lines before entries that have moved: they set something apart that is elsewhere now."""
    above = {id(entry): previous for previous, entry in pairwise(before)}
    for previous, entry in pairwise(now):
        if above.get(id(entry)) is not previous:
            entry.join()


def _arrange(node: Node, found: Sequence[Schema], whole: Schema, undo: list[tuple[Collection, list[Entry]]]) -> None:
    if not isinstance(node, Collection):
        return
    branches = [branch for schema in found for branch in _branches(schema, whole)]
    if node.mapping:
        names = _names(branches)
        if names:
            undo.append((node, node.entries))
            node.entries = sorted(node.entries, key=lambda entry: _rank(entry, names))
    for entry in node.entries:
        _arrange(entry.value, list(_beneath(branches, entry.name if node.mapping else None)), whole, undo)


def _branches(schema: Schema, whole: Schema) -> Iterator[Schema]:
    """Give a schema and all that it refers to or chooses among."""
    yield schema
    if "$ref" in schema:
        yield from _branches(_referred(schema["$ref"], whole), whole)
    for word in ("allOf", "anyOf", "oneOf"):
        for each in schema.get(word, ()):
            yield from _branches(each, whole)


def _referred(pointer: str, whole: Schema) -> Schema:
    found: Any = whole
    for name in pointer.removeprefix("#/").split("/"):
        found = found[name]
    assert isinstance(found, Mapping), "a reference leads to a schema"
    return found


def _names(branches: Sequence[Schema]) -> dict[str, int]:
    """Return the places of a map's keys; nothing where its author names them."""
    if any(isinstance(branch.get("additionalProperties"), Mapping) for branch in branches):
        return {}
    properties = list(dict.fromkeys(name for branch in branches for name in branch.get("properties", {})))
    if "allow_failure" in properties:
        properties = list(dict.fromkeys([*_TASK_HEAD, *properties]))
        place = properties.index(_KIND_PLACE)
        properties.insert(place, "")
    return {name: number for number, name in enumerate(properties)}


def _rank(entry: Entry, names: Mapping[str, int]) -> int:
    if entry.name == "<<":
        return -1
    return names.get(entry.name or "", names.get("", len(names)))


def _beneath(branches: Sequence[Schema], name: str | None) -> Iterator[Schema]:
    for branch in branches:
        own = branch.get("properties", {}).get(name) if name is not None else branch.get("items")
        rest = branch.get("additionalProperties") if name is not None and own is None else None
        yield from (item for item in (own, rest) if isinstance(item, Mapping))
