"""The fields of the language by the schema, and those that documents use. A field is `task.retry.max_attempts`, say."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

_SAME: Final = {"step": "task"}
"""A task of a list has the fields of any other."""


class Fields:
    """Walks a JSON Schema, alone or along a document. A definition goes by its name, what it holds by its path."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def all(self) -> set[str]:
        """Return every field."""
        found = set(self._below("workflow", self._schema))
        for name, definition in self._schema["$defs"].items():
            found |= set(self._below(_SAME.get(name, name), definition))
        return found

    def used(self, document: Any) -> set[str]:
        """Return the fields that the document uses."""
        return set(self._along("workflow", self._schema, document))

    def _below(self, place: str, schema: Schema) -> Iterator[str]:
        for name, inner in schema.get("properties", {}).items():
            yield f"{place}.{name}"
            yield from self._below(f"{place}.{name}", inner)
        for inner in _parts(schema):
            yield from self._below(place, inner)

    def _along(self, place: str, schema: Schema, value: Any) -> Iterator[str]:
        if "$ref" in schema:
            yield from self._along(*self._referred(place, schema["$ref"]), value)
        for inner in schema.get("anyOf", ()):
            yield from self._along(place, inner, value)
        if isinstance(value, Mapping):
            yield from self._of_map(place, schema, value)
        elif isinstance(value, list) and "items" in schema:
            for item in value:
                yield from self._along(place, schema["items"], item)

    def _referred(self, place: str, reference: str) -> tuple[str, Schema]:
        """Return what is referred to; a definition has a place of its own, a property of another one has not."""
        _, _, *path = reference.split("/")
        found = self._schema["$defs"]
        for part in path:
            found = found[part]
        return (_SAME.get(path[0], path[0]) if len(path) == 1 else place), found

    def _of_map(self, place: str, schema: Schema, value: Mapping[str, Any]) -> Iterator[str]:
        properties = schema.get("properties", {})
        others = schema.get("additionalProperties")
        for name, inner in value.items():
            if name in properties:
                yield f"{place}.{name}"
                yield from self._along(f"{place}.{name}", properties[name], inner)
            elif isinstance(others, Mapping):
                yield from self._along(place, others, inner)


def _parts(schema: Schema) -> Iterator[Schema]:
    """Give what a value of the schema may be, or hold, besides its properties; definitions stand for themselves."""
    yield from schema.get("anyOf", ())
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), Mapping):
            yield schema[name]
