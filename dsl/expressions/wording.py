"""CEL's messages in the language's words, and at the place that a reader would point to."""

import re
from collections.abc import Callable
from typing import Final

from dsl.expressions import engine
from dsl.expressions.faults import SYNTAX, TOO_LARGE, UNKNOWN_FUNCTION, UNKNOWN_NAME, WRONG_TYPE, ExpressionFault
from dsl.expressions.scope import CONTEXTS, STATUS
from dsl.suggest import did_you_mean

_FUNCTIONS: Final = (
    *STATUS,
    *engine.OWN_FUNCTIONS,
    *("size", "has", "int", "double", "string", "bool", "bytes", "duration", "timestamp", "type", "matches"),
    *("contains", "startsWith", "endsWith", "all", "exists", "exists_one", "filter", "map", "split", "join", "replace"),
    *("lowerAscii", "upperAscii", "trim", "substring", "indexOf", "format", "optional", "math", "base64", "orValue"),
)
_CONVERT: Final = "convert one of them: int(…), double(…), string(…), timestamp(…)"
_WORD_BEFORE: Final = re.compile(r"[A-Za-z_]\w*\s*$")
_WORD: Final = re.compile(r"\w+|[=!<>&|]+|.", re.DOTALL)
_FOLLOW_ON: Final = "*error*"
"""What CEL calls the type of something that it has already complained about."""


def explained(text: str, faults: list[tuple[int, str]]) -> tuple[ExpressionFault, ...]:
    """Return what the library found wrong with a text, one fault for each place and none that follows from another."""
    found = [_explained(text, offset, message) for offset, message in faults if _FOLLOW_ON not in message]
    syntax = [fault for fault in found if fault.code == SYNTAX]
    if syntax:
        return (syntax[0],)  # what a parser says after its first complaint is guessing
    return tuple({fault.offset: fault for fault in reversed(found)}.values())[::-1] or _unexplained(faults)


def _unexplained(faults: list[tuple[int, str]]) -> tuple[ExpressionFault, ...]:
    return tuple(ExpressionFault(WRONG_TYPE, engine.plain_message(said), at, 1) for at, said in faults[:1])


def _explained(text: str, offset: int, message: str) -> ExpressionFault:
    """Say one message in our words. CEL's columns count code points, as ours do."""
    for beginning, explain in _EXPLANATIONS.items():
        if message.startswith(beginning):
            return explain(text, offset, message)
    return ExpressionFault(WRONG_TYPE, engine.plain_message(message), offset, _length(text, offset))


def _syntax(text: str, offset: int, message: str) -> ExpressionFault:
    said = message.removeprefix("Syntax error:").strip()
    offset = min(offset, max(len(text) - 1, 0))
    if "'<EOF>'" in said:
        return ExpressionFault(SYNTAX, "not a valid expression: it ends too soon", offset, 1)
    if said.startswith("token recognition error"):
        return ExpressionFault(SYNTAX, _strange(text[offset:]), offset, 1)
    if said.startswith(("mismatched input", "extraneous input", "no viable alternative", "missing")):
        length = _length(text, offset)
        unexpected = text[offset : offset + length]
        return ExpressionFault(SYNTAX, f"not a valid expression: '{unexpected}' is not expected here", offset, length)
    return ExpressionFault(SYNTAX, f"not a valid expression: {said}", offset, _length(text, offset))


def _strange(rest: str) -> str:
    if rest[:1] in {"'", '"'}:
        return "not a valid expression: the string is not closed"
    return f"not a valid expression: '{rest[:1]}' means nothing here"


def _reserved(_text: str, offset: int, message: str) -> ExpressionFault:
    word = message.rsplit(" ", 1)[-1]
    return ExpressionFault(SYNTAX, f"'{word}' is a reserved word", offset, len(word))


def _undeclared(text: str, offset: int, message: str) -> ExpressionFault:
    name = message.split("'")[1].strip()
    if name in STATUS:
        return ExpressionFault(UNKNOWN_FUNCTION, f"{name}() takes no arguments", offset, 1, f"write {name}()")
    start = offset if text.startswith(name, offset) else max(text.rfind(name, 0, offset + 1), 0)
    if text[offset:].startswith("(") or text[start + len(name) :].lstrip().startswith("("):
        hint = did_you_mean(name, _FUNCTIONS)
        return ExpressionFault(UNKNOWN_FUNCTION, f"unknown function '{name}'", start, len(name), hint)
    hint = did_you_mean(name.split(".")[0], sorted(CONTEXTS))
    return ExpressionFault(UNKNOWN_NAME, f"unknown name '{name}'", start, len(name), hint)


def _nested(_text: str, offset: int, message: str) -> ExpressionFault:
    deepest = "".join(character for character in message if character.isdigit())
    return ExpressionFault(TOO_LARGE, f"the expression is nested too deeply: at most {deepest} levels", offset, 1)


def _no_overload(text: str, offset: int, message: str) -> ExpressionFault:
    hint = _CONVERT if message.split("'")[1].startswith("_") else ""
    before = _WORD_BEFORE.search(text, 0, offset) if text[offset : offset + 1] == "(" else None
    if before is not None:
        offset = before.start()
    return ExpressionFault(WRONG_TYPE, engine.plain_message(message), offset, _length(text, offset), hint)


_EXPLANATIONS: Final[dict[str, Callable[[str, int, str], ExpressionFault]]] = {
    "Syntax error": _syntax,
    "reserved identifier": _reserved,
    "undeclared reference to": _undeclared,
    "found no matching overload for": _no_overload,
    "Exceeded max recursion depth": _nested,
    "Expression recursion limit exceeded": _nested,
}


def _length(text: str, offset: int) -> int:
    word = _WORD.match(text, offset)
    return len(word.group()) if word else 1
