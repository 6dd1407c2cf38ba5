"""A file as its author wrote it: nodes in their order, with anchors, styles, comments and blank lines."""

from dataclasses import dataclass, field
from typing import Final

BLOCK_STYLES: Final = frozenset({"|", ">"})


@dataclass(slots=True)
class Comment:
    """A comment, from its `#` on. `column` is where it stood, from 0; `blank` says that a blank line was before it.

    `index` is its place in the text; `alone` that nothing but blanks stood before it on its line.
    """

    text: str
    index: int
    line: int
    column: int
    alone: bool
    blank: bool


@dataclass(slots=True)
class Scalar:
    """A scalar. `style` is that of YAML's events; `raw` the source of a block scalar, with its header."""

    value: str
    style: str
    prefix: str = ""
    tagged: bool = False
    raw: str = ""
    broken: bool = False
    """Whether it was written on several lines."""


@dataclass(slots=True)
class Alias:
    """A use of an anchored value."""

    name: str


@dataclass(slots=True)
class Entry:
    """A key with its value, or an item of a sequence (without a key), and the comments that belong to it.

    `leading` stand on lines of their own before it, `beside` at the end of its line (after the key, where a block
    follows), `under` indented beneath a key without a value. `blank` says that a blank line was right before it.
    """

    key: "Node | None"
    value: "Node"
    leading: list[Comment] = field(default_factory=list)
    beside: list[Comment] = field(default_factory=list)
    under: list[Comment] = field(default_factory=list)
    blank: bool = False

    @property
    def name(self) -> str | None:
        """The key's text, if it is a plain or quoted word."""
        return self.key.value if isinstance(self.key, Scalar) else None

    @property
    def apart(self) -> bool:
        """Whether a blank line stood between it, with its comments, and what is before."""
        return self.leading[0].blank if self.leading else self.blank

    def join(self) -> None:
        """Forget the blank line between it and what is before."""
        if self.leading:
            self.leading[0].blank = False
        else:
            self.blank = False

    def commented(self) -> bool:
        """Whether a comment stands at or in it."""
        return bool(self.leading or self.beside or self.under) or _commented(self.value)


@dataclass(slots=True)
class Collection:
    """A mapping or a sequence. `trailing` are the comments after its last entry, `column` where a block began."""

    mapping: bool
    flow: bool
    entries: list[Entry]
    trailing: list[Comment] = field(default_factory=list)
    prefix: str = ""

    def commented(self) -> bool:
        """Whether a comment stands in it."""
        return bool(self.trailing) or any(entry.commented() for entry in self.entries)


Node = Scalar | Alias | Collection


def _commented(node: Node) -> bool:
    return isinstance(node, Collection) and node.commented()


@dataclass(slots=True)
class Page:
    """One document. `header` are the comments at its top, which stay there; `marked` says that it began with `---`.

    `opening` are the comments before that mark (only of the file's first document).
    """

    root: Entry
    header: list[Comment] = field(default_factory=list)
    header_apart: bool = False
    trailing: list[Comment] = field(default_factory=list)
    opening: list[Comment] = field(default_factory=list)
    beside: list[Comment] = field(default_factory=list)
    marked: bool = False


def anchors(node: Node) -> list[str]:
    """Return the anchors and aliases of a node, in the order in which they are written."""
    match node:
        case Alias():
            return [f"*{node.name}"]
        case Scalar():
            return [node.prefix] if node.prefix else []
        case Collection():
            found = [node.prefix] if node.prefix else []
            for entry in node.entries:
                found += (anchors(entry.key) if entry.key is not None else []) + anchors(entry.value)
            return found
