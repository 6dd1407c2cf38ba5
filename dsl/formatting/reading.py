"""From text to the tree of what was written: libyaml's events, with each comment at what it comments on."""

import re
from typing import Any, Final

from yaml import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from yaml.cyaml import CParser  # type: ignore[attr-defined]  # the stubs hide the C class

from dsl.formatting.comments import Cursor, find, is_blank
from dsl.formatting.tree import BLOCK_STYLES, Alias, Collection, Comment, Entry, Node, Page, Scalar
from dsl.yaml import Source

_PROPERTIES: Final = re.compile(r"(?:[&!]\S*(?:\s+|$)|#[^\r\n]*\s+)*")
_CORE: Final = "tag:yaml.org,2002:"


def pages(source: Source) -> tuple[list[Page], list[Comment]]:
    """Return a text's documents and all its comments. The text must be valid YAML."""
    reader = _Reader(source)
    return reader.pages(), reader.comments


class _Reader:
    """Walks over the events; `_at` is the next one."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._events = _events(source.text)
        self._at = 0
        scalars = [(self._begin(item), item.end_mark.index) for item in self._events if _is_scalar(item)]
        self.comments = find(source, scalars)
        self._cursor = Cursor(self.comments)

    def pages(self) -> list[Page]:
        """Return the documents."""
        found: list[Page] = []
        while not isinstance(self._peek(), DocumentStartEvent):
            if self._at == len(self._events) - 1:
                return found
            self._at += 1
        while isinstance(self._peek(), DocumentStartEvent):
            found.append(self._page(first=not found))
        return found

    def _page(self, *, first: bool) -> Page:
        start = self._take()
        marked = bool(start.explicit)
        opening = self._cursor.before(start.end_mark.index) if marked and first else []
        beside = self._cursor.beside(start.end_mark.line + 1, len(self._source.text)) if marked else []
        root_event = self._peek()
        header = self._cursor.before(self._begin(root_event))
        entry = Entry(None, Alias(""), blank=self._blank(root_event))
        self._value(entry, -1)
        page = Page(root=entry, opening=opening, beside=beside, marked=marked)
        _give_header(page, header, apart=entry.blank)
        self._take()  # the document's end
        page.trailing = self._cursor.before(self._limit())
        return page

    def _value(self, entry: Entry, column: int) -> None:
        """Read a value into its entry, with the comments that end its line or stand beneath it."""
        entry.value = self._node(column)
        if isinstance(entry.value, Collection) and not entry.value.flow:
            return
        entry.beside += self._cursor.beside(self._line_after(), self._limit())
        if isinstance(entry.value, Scalar) and not entry.value.value and entry.value.style == "" and entry.key:
            entry.under += self._cursor.indented(column + 1, self._limit())

    def _line_after(self) -> int:
        """Return the line, from 1, that a comment beside the value that was just read would end."""
        last = self._events[self._at - 1]
        header = isinstance(last, ScalarEvent) and last.style in BLOCK_STYLES
        return int((last.start_mark if header else last.end_mark).line) + 1

    def _node(self, column: int) -> Node:
        event = self._take()
        if isinstance(event, AliasEvent):
            return Alias(str(event.anchor))
        return self._scalar(event) if _is_scalar(event) else self._collection(event, column)

    def _scalar(self, event: Any) -> Scalar:
        written = self._source.text[self._begin(event) : event.end_mark.index]
        return Scalar(
            value=event.value,
            style=event.style or "",
            prefix=_prefix(event),
            tagged=event.tag is not None,
            raw=written if event.style in BLOCK_STYLES else "",
            broken="\n" in written or "\r" in written,
        )

    def _collection(self, start: Any, column: int) -> Collection:
        mapping, flow = isinstance(start, MappingStartEvent), bool(start.flow_style)
        own = start.start_mark.column if flow else self._peek().start_mark.column
        if not flow and not mapping:
            own = self._dash_column(start)
        found = Collection(mapping, flow, [], prefix=_prefix(start))
        while not _is_end(self._peek()):
            found.entries.append(self._entry(own, mapping=mapping))
        end = self._take()
        if flow:
            found.trailing = self._cursor.before(end.end_mark.index)
        elif own > column:
            found.trailing = self._cursor.indented(own, self._limit())
        return found

    def _dash_column(self, start: Any) -> int:
        """Return the column of a block sequence's first dash, which events with an anchor do not give."""
        mark = start.start_mark
        if self._source.text[mark.index : mark.index + 1] == "-":
            return int(mark.column)
        line = self._source.line(self._peek().start_mark.line + 1)
        return len(line) - len(line.lstrip())

    def _entry(self, column: int, *, mapping: bool) -> Entry:
        first = self._peek()
        entry = Entry(None, Alias(""), leading=self._cursor.before(self._begin(first)), blank=self._blank(first))
        if mapping:
            entry.key = self._node(column)
            key_line = self._events[self._at - 1].end_mark.line + 1
            self._between(entry, self._peek(), key_line)
        self._value(entry, column)
        if isinstance(entry.value, Collection) and not entry.value.entries:
            entry.leading += entry.value.trailing
            entry.value.trailing = []
        entry.leading += entry.beside[1:]
        del entry.beside[1:]
        return entry

    def _between(self, entry: Entry, value: Any, key_line: int) -> None:
        """Take the comments between a key and its value."""
        begin = self._begin(value)
        if isinstance(value, ScalarEvent) and not value.value and not value.style:
            return
        entry.beside += self._cursor.beside(key_line, begin)
        block = isinstance(value, MappingStartEvent | SequenceStartEvent) and not value.flow_style
        if not block:
            entry.leading += self._cursor.before(begin)

    def _blank(self, event: Any) -> bool:
        line, column = event.start_mark.line + 1, event.start_mark.column
        before = self._source.line(line)[:column].strip()
        return not before.strip("- ") and is_blank(self._source, line - 1)

    def _begin(self, event: Any) -> int:
        """Return where an event's own text begins, behind its anchor and tag."""
        start = int(event.start_mark.index)
        if _is_scalar(event) and (event.anchor or event.tag):
            match = _PROPERTIES.match(self._source.text, start, event.end_mark.index)
            return match.end() if match else start
        return start

    def _limit(self) -> int:
        """Return where the next thing that is written begins: an end mark, a key, an item, a document."""
        for number in range(self._at, len(self._events)):
            event = self._events[number]
            if _is_end(event):
                if event.end_mark.index > event.start_mark.index:
                    return int(event.start_mark.index)
                continue
            if not _is_implicit_end(event):
                return int(event.start_mark.index)
        return len(self._source.text)

    def _peek(self) -> Any:
        return self._events[self._at]

    def _take(self) -> Any:
        self._at += 1
        return self._events[self._at - 1]


def _events(text: str) -> list[Any]:
    parser: Any = CParser(text)
    found: list[Any] = []
    while parser.check_event():
        found.append(parser.get_event())
    return found


def _is_scalar(event: Any) -> bool:
    return isinstance(event, ScalarEvent)


def _is_end(event: Any) -> bool:
    return isinstance(event, MappingEndEvent | SequenceEndEvent)


def _is_implicit_end(event: Any) -> bool:
    return isinstance(event, DocumentEndEvent) and not event.explicit


def _prefix(event: Any) -> str:
    """Return an event's anchor and tag, as they are written before its value."""
    words = [f"&{event.anchor}"] if event.anchor else []
    if event.tag is not None:
        core = event.tag.startswith(_CORE)
        words.append(
            f"!!{event.tag.removeprefix(_CORE)}" if core else event.tag if event.tag == "!" else f"!<{event.tag}>"
        )
    return " ".join(words)


def _tag(tag: str) -> str:
    if tag.startswith(_CORE):
        return f"!!{tag.removeprefix(_CORE)}"
    return tag if tag == "!" else f"!<{tag}>"


def _give_header(page: Page, comments: list[Comment], *, apart: bool) -> None:
    """Divide the comments at a document's top: the last paragraph is its first entry's if others are above it."""
    root = page.root.value
    last = max((number for number, item in enumerate(comments) if item.blank and number), default=0)
    block = isinstance(root, Collection) and not root.flow and bool(root.entries)
    if not apart and last and block and isinstance(root, Collection):
        root.entries[0].leading = comments[last:] + root.entries[0].leading
        page.header, page.header_apart = comments[:last], True
    else:
        page.header, page.header_apart = comments, apart and bool(comments)
