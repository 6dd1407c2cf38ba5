"""Expressions: CEL, type-checked when a file is loaded, evaluated when a run needs them.

CEL's specification: https://cel.dev. Names such as `tasks.extract.outputs.rows` are declared one by one, so a misspelt
one is a fault with a column. Values: a date is text (`2026-01-31`), a datetime a timestamp, a duration a duration.
"""

from dsl.expressions.check import Checked, check_condition, check_template
from dsl.expressions.contexts import Field, Shape, TaskShape, scope_for
from dsl.expressions.engine import ExpressionError
from dsl.expressions.evaluate import ABSENT, Evaluator, Lookup, evaluate_response
from dsl.expressions.faults import ExpressionFault
from dsl.expressions.scope import Scope
from dsl.expressions.template import Part, split_template

__all__ = [
    "ABSENT",
    "Checked",
    "Evaluator",
    "ExpressionError",
    "ExpressionFault",
    "Field",
    "Lookup",
    "Part",
    "Scope",
    "Shape",
    "TaskShape",
    "check_condition",
    "check_template",
    "evaluate_response",
    "scope_for",
    "split_template",
]
