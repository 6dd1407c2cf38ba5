"""A parsed file: its documents as JSON values, and the place of everything in them."""

from collections.abc import Sequence
from typing import Any, Final

from yaml import MappingNode, Node, ScalarNode, SequenceNode

from dsl.diagnostics import START, Fault, Span
from dsl.yaml.construct import Construction
from dsl.yaml.nodes import entry
from dsl.yaml.parser import parse
from dsl.yaml.positions import text_span
from dsl.yaml.source import Source, read
from dsl.yaml.spans import node_span

Path = Sequence[str | int]


class Document:
    """One document of a file. A path's place is looked up when it is asked for, since good files never ask."""

    def __init__(self, source: Source, root: Node, value: Any) -> None:
        self.source = source
        self.value = value
        self._root = root

    @property
    def line(self) -> int:
        """The line on which the document's content begins."""
        return int(self._root.start_mark.line) + 1

    def value_span(self, path: Path) -> Span:
        """Return the place of the value at `path`, or of the nearest one above it that was written."""
        return node_span(self.source, self._walk(path)[1])

    def key_span(self, path: Path) -> Span:
        """Return the place of the key at the end of `path`; of the value where it is an item of a list."""
        return node_span(self.source, self._walk(path)[0])

    def text_span(self, path: Path, offset: int, length: int) -> Span:
        """Return the place of `length` code points at `offset` of the text at `path`."""
        node = self._walk(path)[1]
        if not isinstance(node, ScalarNode):
            return node_span(self.source, node)
        return text_span(self.source, node, offset, length)

    def file_of(self, _path: Path) -> str:
        """Return the file in which the value at `path` stands, where it is not this document's own; else nothing."""
        return ""

    def key_lines(self, *path: str | int) -> dict[str, int]:
        """Return the lines of the keys of the map at `path`, for those that are its own."""
        node = self._walk(path)[1]
        if not isinstance(node, MappingNode):
            return {}
        return {key.value: key.start_mark.line + 1 for key, _ in node.value if isinstance(key, ScalarNode)}

    def item_line(self, *path: str | int) -> int:
        """Return the line of the value at `path`."""
        return int(self._walk(path)[1].start_mark.line) + 1

    def _walk(self, path: Path) -> tuple[Node, Node]:
        key = node = self._root
        for step in path:
            found = _step(node, step)
            if found is None:
                break
            key, node = found
        return key, node


def _step(node: Node, step: str | int) -> tuple[Node, Node] | None:
    if isinstance(node, MappingNode) and isinstance(step, str):
        return entry(node, step)
    if isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


_NOTHING: Final = Fault("E0016", "the file holds no workflow", START, "begin with 'name:' and 'tasks:'")


def parse_documents(text: bytes | str) -> tuple[Source, list[Document], list[Fault]]:
    """Return the file's source, its sound documents, and what is wrong with the text. Never raises."""
    source, fault = read(text)
    if fault is not None:
        return source, [], [fault]
    roots, fault = parse(source)
    faults = [] if fault is None else [fault]
    documents: list[Document] = []
    for root in roots:
        if isinstance(root, ScalarNode) and not root.value:
            continue
        construction = Construction(source)
        value = construction.build(root)
        faults += construction.faults
        if value is not None:
            documents.append(Document(source, root, value))
    return source, documents, faults or ([] if documents else [_NOTHING])
