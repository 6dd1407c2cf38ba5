"""A workflow's document with what the folders above it give, and where each value stands.

The nearest file wins, the workflow's own wins over all. `env`, `labels` and `defaults` are taken key by key, each key
whole; everything else is replaced whole.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from dsl.defaults.layer import Layer
from dsl.defaults.schema import FIELDS
from dsl.diagnostics import Span
from dsl.yaml import Document
from dsl.yaml.document import Path
from dsl.yaml.source import Source

MERGED: Final = frozenset({"labels", "env", "defaults"})
"""Fields that are taken key by key."""


class _Given(NamedTuple):
    path: tuple[str, ...]
    value: Any
    layer: Layer


class Layered(Document):
    """A document whose `value` has what its layers (near to far) give as well; places lead into their files."""

    def __init__(self, own: Document, value: dict[str, Any], layers: Sequence[Layer]) -> None:
        self._own = own
        self._layers = [layer for layer in layers if layer.value]
        self._owners: dict[tuple[str | int, ...], Layer] = {}
        self.value = self._merged(value)
        self.source = Source("\n".join([own.source.text, *(layer.text for layer in self._layers)]))

    @property
    def line(self) -> int:
        """The line on which the workflow's own content begins."""
        return self._own.line

    def file_of(self, path: Path) -> str:
        """Return the defaults file in which the value at `path` stands; nothing for the workflow's own."""
        layer = self._layer(path)
        return "" if layer is None else layer.file

    def value_span(self, path: Path) -> Span:
        """Return the place of the value at `path` in the file that gives it."""
        return self._document(path).value_span(path)

    def key_span(self, path: Path) -> Span:
        """Return the place of the key at the end of `path` in the file that gives it."""
        return self._document(path).key_span(path)

    def text_span(self, path: Path, offset: int, length: int) -> Span:
        """Return the place of a piece of the text at `path` in the file that gives it."""
        return self._document(path).text_span(path, offset, length)

    def key_lines(self, *path: str | int) -> dict[str, int]:
        """Return the lines of the keys of the map at `path` in the file that gives it."""
        return self._document(path).key_lines(*path)

    def item_line(self, *path: str | int) -> int:
        """Return the line of the value at `path` in the file that gives it."""
        return self._document(path).item_line(*path)

    def _layer(self, path: Path) -> Layer | None:
        return self._owners.get(tuple(path[:2])) or self._owners.get(tuple(path[:1]))

    def _document(self, path: Path) -> Document:
        layer = self._layer(path)
        return self._own if layer is None or layer.document is None else layer.document

    def _merged(self, value: dict[str, Any]) -> dict[str, Any]:
        merged = {key: dict(item) if key in MERGED and isinstance(item, dict) else item for key, item in value.items()}
        written = self._own.value
        for path, item, layer in _given(self._layers):
            holder = merged if len(path) == 1 else merged.setdefault(path[0], {})
            if not isinstance(holder, dict) or path[-1] in holder or _says(written, path):
                continue
            holder[path[-1]] = item
            self._owners[path] = layer
        return merged


def _given(layers: Sequence[Layer]) -> Iterator[_Given]:
    """Give every value of every layer, the nearest first."""
    for layer in layers:
        for field in FIELDS:
            if field not in layer.value:
                continue
            value = layer.value[field]
            if field in MERGED:
                yield from (_Given((field, key), item, layer) for key, item in value.items())
            else:
                yield _Given((field,), value, layer)


def _says(written: dict[str, Any], path: tuple[str, ...]) -> bool:
    """Whether the workflow has a value of its own there, if only a faulty one."""
    value: Any = written
    for step in path:
        if not isinstance(value, dict) or step not in value:
            return False
        value = value[step]
    return True
