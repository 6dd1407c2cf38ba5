"""How a scalar is written: plain where nobody can mistake it, quoted where needed, several lines as a block.

Quotes that an author set stay wherever a reader of YAML 1.1 would see something else than text, and before whatever
looks like a number, a date or a version.
"""

import io
import json
import re
from typing import Any, Final

from yaml import ScalarEvent, YAMLError
from yaml.cyaml import CParser  # type: ignore[attr-defined]  # the stubs hide the C class
from yaml.emitter import Emitter

from dsl.formatting.tree import BLOCK_STYLES, Scalar

WIDTH_MAX: Final = 120
"""How long a line may be, in code points."""

_PLAIN_START: Final = re.compile(r"[^\W\d]|[_/$(]")
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_NOT_IN_FLOW: Final = frozenset(",[]{}")
_SPECIAL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
"""What is written as an escape: control characters, and what looks like a break or like nothing."""
_UNFIT: Final = re.compile(rf"{_SPECIAL.pattern}|^(?:---|\.\.\.)(?:\s|$)")
"""What a plain scalar may hold on a second line, and not on its first."""
_UNUSUAL_BREAK: Final = re.compile("[\x85\u2028\u2029]")
_BREAK: Final = re.compile("\r\n|[\r\x85\u2028\u2029]")
_WRAPPABLE: Final = re.compile(r"[^ \t\n#-][^ \t\n]*(?: [^ \t\n]+)*")
_ANALYSIS: Final = Emitter(
    io.StringIO(), allow_unicode=True
)  # it writes nothing: only what it knows of characters is asked


def inline(scalar: Scalar, *, flow: bool) -> str:
    """Return a scalar on one line, within a flow collection or as a key or value of a block."""
    text = _inline(scalar, flow=flow)
    return " ".join(filter(None, (scalar.prefix, text)))


def _inline(scalar: Scalar, *, flow: bool) -> str:
    value = scalar.value
    if not scalar.style:
        if not value:
            return "null" if flow and not scalar.tagged else ""
        fits = not _UNFIT.search(value) and not (flow and (_NOT_IN_FLOW & set(value) or value.endswith(":")))
        return value if fits or scalar.tagged else quoted(value)
    if not scalar.tagged and is_plain(value, flow=flow):
        return value
    return quoted(value)


def is_plain(value: str, *, flow: bool) -> bool:
    """Whether text needs no quotes, for any reader."""
    if not _PLAIN_START.match(value) or value.lower() in _WORDS or "\n" in value or (flow and "${{" in value):
        return False
    analysis = _ANALYSIS.analyze_scalar(value)
    return bool(analysis.allow_block_plain) and not (flow and (_NOT_IN_FLOW | {"?"}) & set(value))


def quoted(value: str) -> str:
    """Return text in quotes: double ones, or single ones where that saves escapes."""
    if not _SPECIAL.search(value) and ('"' in value or "\\" in value):
        return "'" + value.replace("'", "''") + "'"
    return _SPECIAL.sub(lambda match: _escape(match[0]), json.dumps(value, ensure_ascii=False))


def _escape(char: str) -> str:
    return f"\\x{ord(char):02x}" if ord(char) < 0x100 else f"\\u{ord(char):04x}"


def lines(scalar: Scalar, room: int) -> list[str] | None:
    """Return a scalar as a block: its header, and its lines without indentation. None where it is written inline.

    `room` is the width of a line that is left for it beside its key, in code points.
    """
    if scalar.style in BLOCK_STYLES:
        return _kept(scalar)
    if scalar.tagged:
        return None
    value = scalar.value
    if "\n" in value:
        return _literal(value) if _is_literal(value) else None
    if scalar.broken and len(inline(scalar, flow=False)) > room and _WRAPPABLE.fullmatch(value):
        return [">-", *_wrapped(value, room)]
    return None


def _kept(scalar: Scalar) -> list[str] | None:
    """Return a block scalar as its author broke it: only indentation and header are ours."""
    if not scalar.value.strip() or _UNUSUAL_BREAK.search(scalar.value):
        return None
    if scalar.style == "|":
        return _literal(scalar.value)
    rows = _folded(scalar)
    return rows if _meaning(rows) == scalar.value else None


def _literal(value: str) -> list[str]:
    body = value.rstrip("\n")
    return [_header("|", value, body), *body.split("\n"), *_blank_rows(value, body)]


def _folded(scalar: Scalar) -> list[str]:
    """Return a folded scalar's rows: what an author broke is not broken anew."""
    raw = _BREAK.sub("\n", scalar.raw).partition("\n")[2].rstrip("\n ")
    value, body = scalar.value, scalar.value.rstrip("\n")
    first = next(row for row in raw.split("\n") if row.strip(" "))
    indent = _spaces(first) - _spaces(next(row for row in body.split("\n") if row.strip(" ")))
    rows = [row[indent:] for row in raw.split("\n")]
    return [_header(">", value, body), *rows, *_blank_rows(value, body)]


def _header(style: str, value: str, body: str) -> str:
    """Return a block's header: how its end is cut, and its indentation where its text would hide it."""
    cut = {0: "-", 1: ""}.get(len(value) - len(body), "+")
    return f"{style}{'2' if body.lstrip(chr(10)).startswith((' ', chr(9))) else ''}{cut}"


def _blank_rows(value: str, body: str) -> list[str]:
    return [""] * (len(value) - len(body) - 1)


def _spaces(row: str) -> int:
    return len(row) - len(row.lstrip(" "))


def _meaning(rows: list[str]) -> str | None:
    """Return the text that a block stands for, or None where it is not valid."""
    shown = "\n".join(["- " + rows[0], *(f"  {row}" if row else "" for row in rows[1:]), ""])
    parser: Any = CParser(shown)
    try:
        while parser.check_event():
            event = parser.get_event()
            if isinstance(event, ScalarEvent):
                return str(event.value)
    except YAMLError:
        return None
    return None


def _is_literal(value: str) -> bool:
    rows = value.split("\n")
    if len([row for row in rows if row]) < 2 or any(row.endswith((" ", "\t")) for row in rows) or value[0].isspace():
        return False
    if value.endswith("\n\n"):
        return False
    return not _SPECIAL.search(value.replace("\n", "").replace("\t", ""))


def _wrapped(value: str, room: int) -> list[str]:
    import textwrap  # noqa: PLC0415 - rarely needed

    return textwrap.wrap(value, max(room, 40), break_long_words=False, break_on_hyphens=False)
