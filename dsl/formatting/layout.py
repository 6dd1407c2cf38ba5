"""The layout: two spaces a level, sequences indented, flow collections where they fit, blank lines where they help."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from dsl.formatting.scalars import WIDTH_MAX, inline, lines
from dsl.formatting.tree import Alias, Collection, Comment, Entry, Node, Page, Scalar

_STEP: Final = "  "
_SPREAD: Final = frozenset({"tasks", "on_failure", "on_success", "finally", "tests"})
"""The sections whose entries stand apart, like the sections themselves."""


@dataclass(slots=True)
class Line:
    """A line of the result; `column` is where its comment stood, so that those that were aligned stay so."""

    text: str
    comment: str = ""
    column: int = 0


def write(documents: Sequence[Page], comments: Sequence[Comment] = ()) -> str:
    """Return the text of a file. `comments` are all that one without a document holds."""
    writer = _Writer()
    writer.alone(comments)
    for number, page in enumerate(documents):
        writer.page(page, first=number == 0)
    return "".join(f"{line}\n" for line in _aligned(writer.lines))


class _Writer:
    def __init__(self) -> None:
        self.lines: list[Line] = []

    def alone(self, comments: Sequence[Comment]) -> None:
        """Write comments that belong to no document."""
        self._comments(comments, "")

    def page(self, page: Page, *, first: bool) -> None:
        """Write one document."""
        self._comments(page.opening, "")
        if page.marked or not first:
            self._line("---", page.beside[:1])
            self._comments(page.beside[1:], "", joined=True)
        header = len(self.lines)
        self._comments(page.header, "", joined=True)
        root = page.root.value
        apart = page.header_apart or (page.header and _first_leading(root))
        if apart and len(self.lines) > header:
            self._blank()
        self._root(page.root)
        self._comments(page.trailing, "")

    def _root(self, entry: Entry) -> None:
        value = entry.value
        if isinstance(value, Collection) and value.entries:
            for comment in entry.beside:
                self.lines.append(Line(comment.text))
            self._prefix(value)
            self._block(value, "", top=value.mapping)
            return
        text = inline(value, flow=False) if isinstance(value, Scalar) else _flow(value)
        self._comments(entry.beside, "", joined=True)
        if text:
            self._line(text)

    def _prefix(self, value: Collection) -> None:
        if value.prefix:
            self._line(value.prefix)

    def _block(self, node: Collection, indent: str, *, spread: bool = False, top: bool = False) -> None:
        """Write a block collection's entries, and the comments after the last one."""
        before = 0
        for number, entry in enumerate(node.entries):
            begin = len(self.lines)
            self._entry(node, entry, indent, top=top)
            size = len(self.lines) - begin
            own = size - len(entry.leading)
            needed = (spread or top) and max(before, own) > 1
            if number and (entry.apart or needed) and not self._was_kept(begin):
                self.lines.insert(begin, Line(""))
            before = own
        self._comments(node.trailing, indent)

    def _was_kept(self, index: int) -> bool:
        return not self.lines[index - 1].text.strip()

    def _entry(self, node: Collection, entry: Entry, indent: str, *, top: bool) -> None:
        self._comments(entry.leading, indent, joined=True)
        if entry.leading and entry.blank:
            self._blank()
        if node.mapping:
            assert entry.key is not None
            name = entry.name if top else None
            self._pair(_key(entry.key, flow=False), entry, indent, spread=name in _SPREAD)
        else:
            self._item(entry, indent)

    def _pair(self, key: str, entry: Entry, indent: str, *, spread: bool) -> None:
        value, beside = entry.value, entry.beside[:1]
        room = WIDTH_MAX - len(indent) - len(key) - 2
        text = _one_line(value, room)
        if text is not None:
            self._line(f"{indent}{key}: {text}".rstrip(" ") if text else f"{indent}{key}:", beside)
            self._comments(entry.under, indent + _STEP)
        elif isinstance(value, Collection):
            self._line(f"{indent}{key}: {value.prefix}".rstrip(), beside)
            self._block(value, indent + _STEP, spread=spread)
        elif isinstance(value, Scalar):
            self._scalar(f"{indent}{key}: ", value, indent + _STEP, beside)

    def _item(self, entry: Entry, indent: str) -> None:
        value, beside = entry.value, entry.beside[:1]
        text = _one_line(value, WIDTH_MAX - len(indent) - 2)
        if text is not None:
            self._line(f"{indent}- {text}".rstrip(" "), beside)
        elif isinstance(value, Scalar):
            self._scalar(f"{indent}- ", value, indent + _STEP, beside)
        elif isinstance(value, Collection):
            self._comments(_hoisted(entry, indent), indent, joined=True)
            if value.prefix:
                self._line(f"{indent}- {value.prefix}")
            begin = len(self.lines)
            self._block(value, indent + _STEP)
            if not value.prefix:
                line = self.lines[begin]
                line.text = f"{indent}- {line.text.removeprefix(indent + _STEP)}"

    def _scalar(self, start: str, scalar: Scalar, indent: str, beside: Sequence[Comment]) -> None:
        header, *rows = lines(scalar, WIDTH_MAX - len(start)) or [""]
        self._line(f"{start}{scalar.prefix} {header}" if scalar.prefix else start + header, beside)
        for row in rows:
            self.lines.append(Line(indent + row if row else ""))

    def _line(self, text: str, beside: Sequence[Comment] = ()) -> None:
        comment = beside[0] if beside else None
        self.lines.append(Line(text, comment.text if comment else "", comment.column if comment else 0))

    def _comments(self, comments: Sequence[Comment], indent: str, *, joined: bool = False) -> None:
        """Write comments on lines of their own. `joined` leaves out the blank line before the first of them."""
        for number, comment in enumerate(comments):
            if comment.blank and (number or not joined):
                self._blank()
            self.lines.append(Line(indent + comment.text))

    def _blank(self) -> None:
        if self.lines and self.lines[-1].text.strip():
            self.lines.append(Line(""))


def _one_line(value: Node, room: int) -> str | None:
    """Return a value that stands on its key's line, or None for one that needs lines of its own."""
    match value:
        case Alias():
            return f"*{value.name}"
        case Scalar():
            return None if lines(value, room) else inline(value, flow=False)
        case Collection():
            if value.entries and (not value.flow or value.commented()):
                return None
            text = _flow(value)
            return text if not value.entries or len(text) <= room else None


def _flow(node: Node) -> str:
    match node:
        case Alias():
            return f"*{node.name}"
        case Scalar():
            return inline(node, flow=True)
        case Collection():
            parts = [_flow_entry(entry) for entry in node.entries]
            text = ("{%s}" if node.mapping else "[%s]") % ", ".join(parts)
            return " ".join(filter(None, (node.prefix, text)))


def _flow_entry(entry: Entry) -> str:
    text = _flow(entry.value)
    return text if entry.key is None else f"{_key(entry.key, flow=True)}: {text}"


def _key(key: Node, *, flow: bool) -> str:
    text = inline(key, flow=flow) if isinstance(key, Scalar) else _flow(key)
    return f"{text} " if isinstance(key, Alias) else text


def _first_leading(node: Node) -> bool:
    return isinstance(node, Collection) and bool(node.entries) and bool(node.entries[0].leading)


def _hoisted(item: Entry | None, indent: str) -> list[Comment]:
    """Take the comments that would come between an item's dash and what is written behind it."""
    found: list[Comment] = []
    while item is not None and isinstance(item.value, Collection):
        if _one_line(item.value, WIDTH_MAX - len(indent) - 2) is not None:
            break
        first = item.value.entries[0]
        found += item.beside + first.leading
        item.beside, first.leading = [], []
        item, indent = None if item.value.mapping else first, indent + _STEP
    return found


def _aligned(given: Sequence[Line]) -> list[str]:
    """Return lines with their comments: two blanks behind the text, those that stood in one column in one again."""
    found: list[str] = []
    for column, group in groupby(given, lambda line: line.column if line.comment else -1):
        rows = list(group)
        width = max((len(row.text) for row in rows), default=0)
        found += [row.text if column < 0 else f"{row.text:<{width}}  {row.comment}" for row in rows]
    return found
