"""Evaluation of a workflow's expressions while it runs."""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from dsl.expressions import engine
from dsl.expressions.bounds import CHARACTERS_MAX, BoundsError, check_bounds
from dsl.expressions.contexts import Field, scope_for
from dsl.expressions.engine import ExpressionError
from dsl.expressions.json_values import to_cel
from dsl.expressions.rewrite import Rewritten, rewrite
from dsl.expressions.scope import Shape
from dsl.expressions.template import OPEN, Part, sole_expression, split_template
from dsl.expressions.wording import explained
from dsl.model import Template, Workflow

ABSENT: Final = object()
"""What a look-up returns for a value that does not exist (yet)."""

Lookup = Callable[[str], Any]
"""Gives the JSON value of a dotted name (`tasks.extract.outputs.rows`, `success()`), or `ABSENT`."""

DEPTH_MAX: Final = 64
_parts = lru_cache(maxsize=20_000)(split_template)


class Evaluator:
    """Evaluates the expressions of one workflow. It asks the look-up only for the names that an expression uses.

    Safe to use from several threads. What it compiles it keeps, so a second evaluation costs microseconds.
    """

    def __init__(self, workflow: Workflow) -> None:
        self._shape = Shape.of(workflow)
        self._rewritten: dict[tuple[Field, str | None, str], Rewritten] = {}
        self._static: dict[tuple[Field, str | None, int], tuple[Template, bool]] = {}

    def condition(self, field: Field, text: str, lookup: Lookup, task_id: str | None = None) -> bool:
        """Return whether a bare condition holds. Raises `ExpressionError`."""
        value = self._evaluate(field, text, lookup, task_id)
        if not isinstance(value, bool):
            raise ExpressionError(text, f"gives {_shown(value)}, where true or false is needed")
        return value

    def value(self, field: Field, text: str, lookup: Lookup, task_id: str | None = None) -> Any:
        """Return what a bare expression gives, as a JSON value. Raises `ExpressionError`."""
        return self._evaluate(field, text, lookup, task_id)

    def resolve(self, field: Field, value: Template, lookup: Lookup, task_id: str | None = None) -> Any:
        """Return a template with every expression replaced by its value. Raises `ExpressionError`."""
        if self._is_static(field, value, task_id):
            return value
        return self._resolve(field, value, lookup, task_id)

    def names(self, field: Field, value: Template, task_id: str | None = None, *, bare: bool = False) -> frozenset[str]:
        """Return the dotted names that the expressions of a template use; those only asked for by `has` as `has:…`.

        `bare`: the text itself is an expression, as a condition is.
        """
        if bare:
            return self._rewrite(field, value, task_id).names
        match value:
            case str() if OPEN in value:
                texts = [part.text for part in _parts(value) if part.expression]
                return frozenset().union(*(self._rewrite(field, text, task_id).names for text in texts))
            case dict():
                return frozenset().union(*(self.names(field, item, task_id) for item in value.values()))
            case list() | tuple():
                return frozenset().union(*(self.names(field, item, task_id) for item in value))
            case _:
                return frozenset()

    def _is_static(self, field: Field, value: Template, task_id: str | None) -> bool:
        """Whether nothing is to be replaced; remembered for the very object, which the workflow keeps alive."""
        key = (field, task_id, id(value))
        known = self._static.get(key)
        if known is None or known[0] is not value:
            known = self._static[key] = (value, not _holds_expression(value))
        return known[1]

    def _resolve(self, field: Field, value: Template, lookup: Lookup, task_id: str | None) -> Any:
        match value:
            case str() if OPEN in value:
                return self._text(field, value, lookup, task_id)
            case dict():
                return {key: self._resolve(field, item, lookup, task_id) for key, item in value.items()}
            case list() | tuple():
                return [self._resolve(field, item, lookup, task_id) for item in value]
            case _:
                return value

    def _text(self, field: Field, text: str, lookup: Lookup, task_id: str | None) -> Any:
        parts = _parts(text)
        sole = sole_expression(parts)
        if sole is not None:
            return self._evaluate(field, sole.text, lookup, task_id)
        return _joined(text, [self._piece(field, part, lookup, task_id) for part in parts])

    def _piece(self, field: Field, part: Part, lookup: Lookup, task_id: str | None) -> str:
        if not part.expression:
            return part.text
        value = self._evaluate(field, part.text, lookup, task_id)
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    def _evaluate(self, field: Field, text: str, lookup: Lookup, task_id: str | None) -> Any:
        return _run(text, self._rewrite(field, text, task_id), lookup)

    def _rewrite(self, field: Field, text: str, task_id: str | None) -> Rewritten:
        key = (field, task_id, text)
        rewritten = self._rewritten.get(key)
        if rewritten is None:
            rewritten = self._rewritten[key] = rewrite(text, scope_for(self._shape, field, task_id))
        return rewritten


def evaluate_response(text: str, response: Mapping[str, Any]) -> bool:
    """Return whether a condition over `response` (an HTTP answer) holds. Raises `ExpressionError`."""
    rewritten = rewrite(text, scope_for(Shape(), Field.EXPECT_JSON))
    value = _run(text, rewritten, lambda name: response.get(name.removeprefix("response."), ABSENT))
    if not isinstance(value, bool):
        raise ExpressionError(text, f"gives {_shown(value)}, where true or false is needed")
    return value


def _run(text: str, rewritten: Rewritten, lookup: Lookup) -> Any:
    if rewritten.faults:
        raise ExpressionError(text, rewritten.faults[0].message)
    try:
        compiled = engine.compile_text(rewritten.text)
    except engine.CompileError as error:
        raise ExpressionError(text, explained(text, error.faults)[0].message) from None
    values: dict[str, Any] = {}
    for slot, dotted, kind in rewritten.variables:
        value = _value(text, dotted, kind, lookup)
        if value is not ABSENT:
            values[slot] = value
    try:
        check_bounds(text, values.values())
        result = engine.evaluate(text, compiled, values)
        check_bounds("", [result])
    except BoundsError as error:
        raise ExpressionError(text, str(error)) from None
    except ExpressionError as error:
        raise ExpressionError(text, _without_slots(error.message, rewritten)) from None
    return result


def _value(text: str, dotted: str, kind: str, lookup: Lookup) -> Any:
    if dotted.startswith("has:"):
        return lookup(dotted.removeprefix("has:")) is not ABSENT
    value = lookup(dotted)
    if value is ABSENT or value is None:
        return value if value is ABSENT or kind == "dyn" else ABSENT
    try:
        return to_cel(kind, value)
    except ValueError as error:
        raise ExpressionError(text, f"'{dotted}': {error}") from None


def _without_slots(message: str, rewritten: Rewritten) -> str:
    """Say the names of the file, not our variables; a missing variable is an absent value."""
    for slot, dotted, _ in rewritten.variables:
        if f'"{slot}"' in message and "No value with name" in message:
            return f"'{dotted}' has no value; guard it with has({dotted})"
        message = message.replace(slot, dotted)
    return message


def _joined(text: str, pieces: list[str]) -> str:
    if sum(map(len, pieces)) > CHARACTERS_MAX:
        raise ExpressionError(text, f"gives more than {CHARACTERS_MAX} characters")
    return "".join(pieces)


def _holds_expression(value: Template, depth: int = 0) -> bool:
    if depth > DEPTH_MAX:
        return True
    match value:
        case str():
            return OPEN in value
        case dict():
            return any(_holds_expression(item, depth + 1) for item in value.values())
        case list() | tuple():
            return any(_holds_expression(item, depth + 1) for item in value)
        case _:
            return False


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
