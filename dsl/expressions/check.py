"""Checks of expressions when a file is loaded."""

from dataclasses import dataclass, replace
from typing import Final

from dsl.expressions import engine
from dsl.expressions.faults import (
    SYNTAX,
    UNKNOWN_FUNCTION,
    UNKNOWN_NAME,
    UNTERMINATED,
    WRAPPED_CONDITION,
    WRONG_RESULT,
    WRONG_TYPE,
    ExpressionFault,
)
from dsl.expressions.rewrite import rewrite
from dsl.expressions.scope import CONTEXTS, STATUS, Scope
from dsl.expressions.template import OPEN, Part, sole_expression, split_template
from dsl.suggest import did_you_mean

_FUNCTIONS: Final = (
    *STATUS,
    *engine.OWN_FUNCTIONS,
    *("size", "has", "int", "double", "string", "bool", "bytes", "duration", "timestamp", "type", "matches"),
    *("contains", "startsWith", "endsWith", "all", "exists", "exists_one", "filter", "map", "split", "join", "replace"),
    *("lowerAscii", "upperAscii", "trim", "substring", "indexOf", "format", "optional", "math", "base64"),
)
_ITERABLE: Final = frozenset({"array", "object", "dyn"})


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found: faults, the type of the value if there are none, and the dotted names used."""

    faults: tuple[ExpressionFault, ...]
    type: str | None
    names: frozenset[str]


def check_condition(text: str, scope: Scope, expect: str | None = "boolean") -> Checked:
    """Check bare CEL. `expect` is `boolean`, `iterable` (a list or a map), or None for any type."""
    if text.strip().startswith(OPEN):
        offset = text.index(OPEN)
        inner = text.strip().removeprefix(OPEN).removesuffix("}}").strip()
        message = "a condition is an expression as it stands, without `${{ }}`"
        fault = ExpressionFault(WRAPPED_CONDITION, message, offset, len(OPEN), f"write: {inner}")
        return Checked((fault,), None, frozenset())
    checked = _check(text, scope)
    if checked.faults or expect is None or _fits(checked.type, expect):
        return checked
    wanted = "true or false" if expect == "boolean" else "a list or a map"
    fault = ExpressionFault(WRONG_RESULT, f"this must give {wanted}, and gives {checked.type}", 0, len(text))
    return replace(checked, faults=(fault,))


def check_template(text: str, scope: Scope) -> Checked:
    """Check a string that may hold expressions. A string that is nothing but one keeps its type; else it is text."""
    parts = split_template(text)
    faults: list[ExpressionFault] = []
    names: set[str] = set()
    kinds: list[str | None] = []
    for part in parts:
        if part.expression:
            checked = _check_part(part, scope)
            faults += checked.faults
            names |= checked.names
            kinds.append(checked.type)
    kind = kinds[0] if sole_expression(parts) is not None else "string"
    return Checked(tuple(faults), None if faults else kind, frozenset(names))


def _check_part(part: Part, scope: Scope) -> Checked:
    if not part.terminated:
        fault = ExpressionFault(
            UNTERMINATED,
            "`${{` is not closed",
            part.offset - len(OPEN),
            len(OPEN),
            "close it with `}}`, or write `$${{`",
        )
        return Checked((fault,), None, frozenset())
    checked = _check(part.text, scope)
    return replace(checked, faults=tuple(fault.moved(part.offset) for fault in checked.faults))


def _check(text: str, scope: Scope) -> Checked:
    if not text.strip():
        return Checked((ExpressionFault(SYNTAX, "the expression is empty", 0, max(len(text), 1)),), None, frozenset())
    rewritten = rewrite(text, scope)
    if rewritten.faults:
        return Checked(rewritten.faults, None, rewritten.names)
    try:
        compiled = engine.compile_text(rewritten.text)
    except engine.CompileError as error:
        faults = tuple(_explained(text, offset, message) for offset, message in error.faults)
        return Checked(_distinct(faults), None, rewritten.names)
    return Checked((), engine.result_kind(compiled), rewritten.names)


def _fits(kind: str | None, expect: str) -> bool:
    return kind in ("dyn", expect) or (expect == "iterable" and kind in _ITERABLE)


def _distinct(faults: tuple[ExpressionFault, ...]) -> tuple[ExpressionFault, ...]:
    """One fault for each place: a syntax error tends to be told several times."""
    syntax = [fault for fault in faults if fault.code == SYNTAX]
    return tuple(syntax[:1]) if syntax else tuple({fault.offset: fault for fault in faults}.values())


def _explained(text: str, offset: int, message: str) -> ExpressionFault:
    """Turn CEL's words into ours; its columns count code points, as ours do."""
    length = _word_length(text, offset)
    if message.startswith("Syntax error"):
        return ExpressionFault(SYNTAX, _syntax(message), min(offset, max(len(text) - 1, 0)), length)
    if message.startswith("undeclared reference to"):
        return _undeclared(text, message.split("'")[1], offset)
    if message.startswith("found no matching overload for"):
        function, applied = message.split("'")[1], message.split("'")[3]
        operator = function.strip("_").replace("_", " ") if function.startswith("_") or function.endswith("_") else ""
        what = f"operator '{operator}'" if operator else f"function '{function}'"
        return ExpressionFault(WRONG_TYPE, f"{what} does not take {_types(applied)}", offset, length)
    return ExpressionFault(WRONG_TYPE, _types(message), offset, length)


def _undeclared(text: str, name: str, offset: int) -> ExpressionFault:
    name = name.strip()
    start = max(text.rfind(name, 0, offset + 1), 0) if not text.startswith(name, offset) else offset
    called = text[start + len(name) :].lstrip().startswith("(") or text[offset : offset + 1] == "("
    if called or text[offset:].lstrip().startswith("("):
        hint = did_you_mean(name, list(_FUNCTIONS))
        return ExpressionFault(UNKNOWN_FUNCTION, f"unknown function '{name}'", start, len(name), hint)
    hint = did_you_mean(name.split(".")[0], sorted(CONTEXTS))
    return ExpressionFault(UNKNOWN_NAME, f"unknown name '{name}'", start, len(name), hint)


def _syntax(message: str) -> str:
    said = message.removeprefix("Syntax error:").strip()
    said = said.split(" expecting ")[0].replace("'<EOF>'", "the end of the expression")
    return f"not a valid expression: {said}"


def _types(text: str) -> str:
    for cel_name, ours in (("google.protobuf.Timestamp", "datetime"), ("google.protobuf.Duration", "duration")):
        text = text.replace(cel_name, ours)
    return text.replace("bool", "boolean").replace("int", "integer").replace("double", "number")


def _word_length(text: str, offset: int) -> int:
    end = offset
    while end < len(text) and (text[end].isalnum() or text[end] == "_"):
        end += 1
    return max(end - offset, 1)
