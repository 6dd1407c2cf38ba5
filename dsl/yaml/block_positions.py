"""Positions inside literal (`|`) and folded (`>`) scalars.

Follows libyaml's `yaml_parser_scan_block_scalar`: a folded break becomes a space only between two lines that do not
begin with a blank.
"""

from typing import NamedTuple

from dsl.yaml.marks import BREAK, Mapped, break_value


class _Line(NamedTuple):
    start: int
    end: int
    written_break: str


def block_map(text: str, start: int, end: int, value: str, *, folded: bool) -> Mapped:
    """Return the value of the block scalar whose header stands at `start`, with the source index of each code point."""
    header = BREAK.search(text, start)
    lines = _lines(text, header.end(), end) if header else []
    mapped = Mapped(end)
    content = next((number for number, line in enumerate(lines) if text[line.start : line.end].strip(" ")), None)
    if content is None:
        _add_breaks(lines, mapped, len(value))
        return mapped
    indent = _indent(text, lines[content], value)
    _walk(text, lines, indent, mapped, folded=folded)
    _keep(mapped, lines, value)
    return mapped


def _lines(text: str, start: int, end: int) -> list[_Line]:
    lines: list[_Line] = []
    while start < end:
        found = BREAK.search(text, start, end)
        stop, after = found.span() if found else (end, end)
        lines.append(_Line(start, stop, text[stop:after]))
        start = after
    return lines


def _indent(text: str, line: _Line, value: str) -> int:
    written = text[line.start : line.end]
    shown = next((part for part in BREAK.split(value) if part.strip(" ")), "")
    return (len(written) - len(written.lstrip(" "))) - (len(shown) - len(shown.lstrip(" ")))


def _walk(text: str, lines: list[_Line], indent: int, mapped: Mapped, *, folded: bool) -> None:
    """Add the lines of the content, each after the breaks that precede it."""
    pending: list[_Line] = []
    previous_blank: bool | None = None
    for line in lines:
        start = min(line.start + indent, line.end)
        if not text[line.start : start].isspace() and start > line.start:
            return
        if start == line.end:
            pending.append(line)
            continue
        blank = text[start] in " \t"
        _join(pending, mapped, fold=folded and previous_blank is False and not blank)
        mapped.copy(text, start, line.end)
        pending, previous_blank = [line], blank


def _join(pending: list[_Line], mapped: Mapped, *, fold: bool) -> None:
    if fold and pending[0].written_break not in ("\u2028", "\u2029"):
        if len(pending) == 1:
            mapped.add(" ", pending[0].end)
        pending = pending[1:]
    _add_breaks(pending, mapped, len(pending))


def _add_breaks(lines: list[_Line], mapped: Mapped, count: int) -> None:
    for line in lines[:count]:
        if line.written_break:
            mapped.add(break_value(line.written_break), line.end)


def _keep(mapped: Mapped, lines: list[_Line], value: str) -> None:
    """Add the breaks after the last line of text, as many as the value's chomping kept."""
    missing = len(value) - len(mapped.indexes)
    if missing > 0 and mapped.indexes:
        last = mapped.indexes[-1]
        _add_breaks([line for line in lines if line.end > last], mapped, missing)
