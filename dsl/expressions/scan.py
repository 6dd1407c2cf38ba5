"""A light look at CEL text: which dotted names it uses and which functions it calls, strings and comments left out."""

import re
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r"""
    (?P<skip>  //[^\n]*
      | [rR]?[bB]?(?:'''(?:[^\\]|\\.)*?'''|\"\"\"(?:[^\\]|\\.)*?\"\"\")
      | [bB]?[rR]'[^'\n]*' | [bB]?[rR]"[^"\n]*"
      | [bB]?'(?:[^'\\\n]|\\.)*' | [bB]?"(?:[^"\\\n]|\\.)*"
      | `[^`\n]*`
      | \d[\w.]* )
    | (?P<name> [A-Za-z_]\w* (?:\s*\.\s*[A-Za-z_]\w*)* )
    | (?P<member> \.\s*\??\s*[A-Za-z_]\w* )
    | (?P<bracket> [()\[\]{}] )
    """,
    re.VERBOSE | re.DOTALL,
)
_CALL: Final = re.compile(r"\s*\(")
_WORD: Final = re.compile(r"[A-Za-z_]\w*")
_FIRST_ARGUMENT: Final = re.compile(r"\s*([A-Za-z_]\w*)\s*,")
LITERALS: Final = frozenset({"true", "false", "null", "in"})
MACROS: Final = frozenset({"all", "exists", "exists_one", "existsOne", "map", "filter", "optMap", "optFlatMap"})
"""Calls whose first argument is a variable of their own, known up to the closing parenthesis."""


@dataclass(frozen=True, slots=True)
class Name:
    """A dotted name: its parts and where each begins; `called` when a parenthesis follows the last part."""

    parts: tuple[str, ...]
    offsets: tuple[int, ...]
    called: bool

    def end(self, parts: int) -> int:
        """Return the offset behind the first `parts` parts."""
        return self.offsets[parts - 1] + len(self.parts[parts - 1])

    def dotted(self, parts: int) -> str:
        """Return the first `parts` parts, joined."""
        return ".".join(self.parts[:parts])


def names(text: str) -> list[Name]:
    """Return the dotted names of the text in order.

    Members of something computed are not among them, nor are the variables that a macro declares (`x` in
    `list.all(x, x > 0)`), whatever they are called.
    """
    found: list[Name] = []
    declared: list[str | None] = []
    in_macro = False
    for match in _TOKEN.finditer(text):
        if match.lastgroup == "bracket":
            _step(text, match, declared, in_macro=in_macro)
            in_macro = False
        elif match.lastgroup != "skip":
            name = _name(text, match)
            in_macro = name.called and name.parts[-1] in MACROS
            if match.lastgroup == "name" and name.parts[0] not in LITERALS and name.parts[0] not in declared:
                found.append(name)
    return found


def _name(text: str, match: re.Match[str]) -> Name:
    words = list(_WORD.finditer(text, match.start(), match.end()))
    return Name(
        parts=tuple(word.group() for word in words),
        offsets=tuple(word.start() for word in words),
        called=_CALL.match(text, match.end()) is not None,
    )


def _step(text: str, bracket: re.Match[str], declared: list[str | None], *, in_macro: bool) -> None:
    """Enter or leave a bracket; `declared` has, for each that is open, the variable that its macro declares."""
    if bracket.group() in "([{":
        variable = _FIRST_ARGUMENT.match(text, bracket.end()) if in_macro else None
        declared.append(variable[1] if variable else None)
    elif declared:
        declared.pop()


def skip_string(text: str, start: int) -> int:
    """Return the offset behind the string literal or comment that begins at `start`, or `start` if none does."""
    match = _TOKEN.match(text, start)
    return match.end() if match is not None and match.lastgroup == "skip" else start
