"""Whether a condition of `expect.json` holds, by the language's own expressions."""

from typing import Any


class ConditionError(Exception):
    """The condition cannot be worked out for this response; the message says why."""


def holds(condition: str, value: Any) -> bool:
    """Return whether the condition, CEL over `response`, is true of the JSON value. Raises `ConditionError`."""
    from dsl.expressions import ExpressionError, evaluate_response  # noqa: PLC0415 - CEL's library is large

    members = value if isinstance(value, dict) else {}
    try:
        return evaluate_response(condition, {**members, "response": value})
    except ExpressionError as error:
        raise ConditionError(error.message) from error
