"""Whether a condition of `expect.json` holds, by the language's own expressions."""

from collections.abc import Mapping
from typing import Any


class ConditionError(Exception):
    """The condition cannot be worked out for this response; the message says why."""


def holds(condition: str, response: Mapping[str, Any]) -> bool:
    """Return whether the condition is true of the response, whose members are what `response.NAME` may name.

    Raises `ConditionError`.
    """
    from dsl.expressions import ExpressionError, evaluate_response  # noqa: PLC0415 - CEL's library is large

    try:
        return evaluate_response(condition, response)
    except ExpressionError as error:
        raise ConditionError(error.message) from error
