"""The comments of a text: whatever follows a `#` between its tokens."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from dsl.formatting.tree import Comment
from dsl.yaml import Source

_COMMENT: Final = re.compile("(?:(?<=[ \t\r\n\x85\u2028\u2029])|^)#[^\r\n\x85\u2028\u2029]*")
_HEADER: Final = re.compile("[|>][-+0-9]*[ \t]+(#[^\r\n\x85\u2028\u2029]*)")


def find(source: Source, scalars: Iterable[tuple[int, int]]) -> list[Comment]:
    """Return the comments in their order. `scalars` are the places of all scalars' own text, in which `#` is text."""
    found: list[Comment] = []
    for start, end in _gaps(source.text, scalars):
        found += [_comment(source, match) for match in _COMMENT.finditer(source.text, start, end)]
    return found


def _gaps(text: str, scalars: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    begin = 0
    for start, end in scalars:
        yield begin, start
        header = _HEADER.match(text, start, end)
        if header is not None:
            yield header.span(1)
        begin = end
    yield begin, len(text)


def _comment(source: Source, match: re.Match[str]) -> Comment:
    place = source.span(match.start(), match.start() + 1)
    before = source.line(place.line)[: place.column - 1]
    alone = not before.strip()
    return Comment(
        text=match[0].rstrip(),
        index=match.start(),
        line=place.line,
        column=place.column - 1,
        alone=alone,
        blank=alone and is_blank(source, place.line - 1),
    )


def is_blank(source: Source, line: int) -> bool:
    """Whether a line, counted from 1, is in the text and has nothing on it."""
    return line >= 1 and not source.line(line).strip()


class Cursor:
    """The comments that have not found their place yet."""

    def __init__(self, comments: list[Comment]) -> None:
        self._comments = comments
        self._next = 0

    def before(self, index: int) -> list[Comment]:
        """Take the comments that stand before an index."""
        return list(self._while(lambda comment: comment.index < index))

    def beside(self, line: int, index: int) -> list[Comment]:
        """Take the comments before an index that end a line which holds something else."""
        return list(self._while(lambda item: item.index < index and item.line == line and not item.alone))

    def indented(self, column: int, index: int) -> list[Comment]:
        """Take the comments before an index that stand alone, at a column or further right."""
        return list(self._while(lambda item: item.index < index and item.alone and item.column >= column))

    def _while(self, fits: Callable[[Comment], bool]) -> Iterator[Comment]:
        while self._next < len(self._comments) and fits(self._comments[self._next]):
            self._next += 1
            yield self._comments[self._next - 1]
