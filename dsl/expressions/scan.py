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
      | \d[\w.]* )
    | (?P<name> [A-Za-z_]\w* (?:\s*\.\s*[A-Za-z_]\w*)* )
    | (?P<member> \.\s*[A-Za-z_]\w* )
    """,
    re.VERBOSE | re.DOTALL,
)
_CALL: Final = re.compile(r"\s*\(")
_WORD: Final = re.compile(r"[A-Za-z_]\w*")
LITERALS: Final = frozenset({"true", "false", "null", "in"})


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
    """Return the dotted names of the text in order; members of something computed are not among them."""
    found = []
    for match in _TOKEN.finditer(text):
        if match.lastgroup != "name":
            continue
        words = list(_WORD.finditer(text, match.start(), match.end()))
        name = Name(
            parts=tuple(word.group() for word in words),
            offsets=tuple(word.start() for word in words),
            called=_CALL.match(text, match.end()) is not None,
        )
        if name.parts[0] not in LITERALS:
            found.append(name)
    return found


def skip_string(text: str, start: int) -> int:
    """Return the offset behind the string literal or comment that begins at `start`, or `start` if none does."""
    match = _TOKEN.match(text, start)
    return match.end() if match is not None and match.lastgroup == "skip" else start
