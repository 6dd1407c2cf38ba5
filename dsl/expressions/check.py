"""Checks of expressions when a file is loaded."""

from dataclasses import dataclass, replace
from typing import Final

from dsl.expressions import engine
from dsl.expressions.faults import (
    SYNTAX,
    UNTERMINATED,
    WRAPPED_CONDITION,
    WRONG_RESULT,
    ExpressionFault,
)
from dsl.expressions.rewrite import rewrite
from dsl.expressions.scope import Scope
from dsl.expressions.template import OPEN, Part, sole_expression, split_template
from dsl.expressions.wording import explained

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
        return Checked(explained(text, error.faults), None, rewritten.names)
    kind = engine.result_kind(compiled)
    if kind == engine.OPTIONAL:
        hint = "end it with .orValue(…), which says what stands in for an absent value"
        fault = ExpressionFault(WRONG_RESULT, "this gives an optional, not a value", 0, len(text), hint)
        return Checked((fault,), None, rewritten.names)
    return Checked((), kind, rewritten.names)


def _fits(kind: str | None, expect: str) -> bool:
    return kind in ("dyn", expect) or (expect == "iterable" and kind in _ITERABLE)
