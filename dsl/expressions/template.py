"""Strings that hold expressions between `${{` and `}}`."""

from dataclasses import dataclass
from typing import Final

from dsl.expressions.scan import skip_string

OPEN: Final = "${{"
CLOSE: Final = "}}"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a template: literal text, or an expression. `offset` is where its text begins."""

    text: str
    offset: int
    expression: bool
    terminated: bool = True


def split_template(text: str) -> list[Part]:
    """Return the pieces of a string in order. `$${{` is a literal `${{`; an unclosed `${{` is an unterminated part."""
    parts: list[Part] = []
    literal_from = position = 0
    literal: list[str] = []
    while (found := text.find(OPEN, position)) >= 0:
        if found > 0 and text[found - 1] == "$":
            literal.append(text[position : found - 1] + OPEN)
            position = found + len(OPEN)
            continue
        literal.append(text[position:found])
        if any(literal):
            parts.append(Part("".join(literal), literal_from, expression=False))
        literal = []
        inside = found + len(OPEN)
        end = _close(text, inside)
        parts.append(Part(text[inside : end if end >= 0 else len(text)], inside, expression=True, terminated=end >= 0))
        if end < 0:
            return parts
        position = literal_from = end + len(CLOSE)
    literal.append(text[position:])
    if any(literal):
        parts.append(Part("".join(literal), literal_from, expression=False))
    return parts


def sole_expression(parts: list[Part]) -> Part | None:
    """Return the expression if the string is nothing but one (white space around it aside)."""
    expressions = [part for part in parts if part.expression]
    blank = all(part.expression or not part.text.strip() for part in parts)
    return expressions[0] if len(expressions) == 1 and blank else None


def _close(text: str, start: int) -> int:
    """Return where the `}}` lies that closes an expression: outside strings and braces of its own; -1 without one."""
    depth, position = 0, start
    while position < len(text):
        after = (
            skip_string(text, position) if text[position] in "'\"rRbB/" and _begins_word(text, position) else position
        )
        if after > position:
            position = after
            continue
        character = text[position]
        if character == "{":
            depth += 1
        elif character == "}":
            if depth == 0:
                return position if text.startswith(CLOSE, position) else -1
            depth -= 1
        position += 1
    return -1


def _begins_word(text: str, position: int) -> bool:
    return position == 0 or not (text[position - 1].isalnum() or text[position - 1] == "_")
