"""What children are given, against what they declare."""

from collections.abc import Iterator

import jsonschema_rs

from dsl.checks.inputs import has_expression
from dsl.checks.result_types import fits
from dsl.diagnostics import Diagnostic
from dsl.model import Input, ValueType, Workflow
from dsl.suggest import did_you_mean
from dsl.syntax.violations import shown
from dsl.together.atlas import Atlas, Node
from dsl.together.references import Child, Given
from dsl.values import is_of_type


def child_inputs(atlas: Atlas) -> Iterator[Diagnostic]:
    """Find inputs that a child does not declare, lacks, or takes of another type."""
    for node in atlas.own:
        for call in node.calls:
            target = atlas.nodes.get(call.target)
            if call.child is not None and target is not None and target.workflow is not None:
                yield from _given(node, call.child, target.workflow)


def _given(node: Node, child: Child, target: Workflow) -> Iterator[Diagnostic]:
    for given in child.inputs:
        declared = target.inputs.get(given.name)
        if declared is None:
            hint = did_you_mean(given.name, target.inputs, f"it has: {', '.join(target.inputs) or 'none'}")
            yield node.fault("E0512", f"the workflow '{child.target}' has no input '{given.name}'", given.key, hint)
            continue
        reason = _misfit(given, declared)
        if reason:
            message = f"{reason} (the input '{given.name}' of '{child.target}')"
            yield node.fault("E0514", message, given.place)
    names = {given.name for given in child.inputs}
    for name, declared in target.inputs.items():
        if declared.required and name not in names:
            message = f"the workflow '{child.target}' needs the input '{name}', which has no default"
            yield node.fault("E0513", message, child.block, f"add 'inputs: {{{name}: …}}', or a default there")


def _misfit(given: Given, declared: Input) -> str:
    """Return why a value does not fit what is declared, or nothing."""
    if has_expression(given.value):
        return _expression_misfit(given, declared.type)
    if not is_of_type(given.value, declared.type):
        return f"{shown(given.value)} is not a value of type {declared.type}"
    if declared.enum is not None and given.value not in declared.enum:
        return f"{shown(given.value)} is not among the values allowed"
    if declared.json_schema is not None:
        validator = jsonschema_rs.Draft202012Validator(declared.json_schema, offline=True)
        errors = [error.message for error in validator.iter_errors(given.value)]
        return f"the value does not fit its schema: {errors[0]}" if errors else ""
    return ""


def _expression_misfit(given: Given, declared: ValueType) -> str:
    if isinstance(given.value, str):
        return "" if fits(given.type, declared) else f"this gives {given.type}, where {declared} is declared"
    container = ValueType.OBJECT if isinstance(given.value, dict) else ValueType.ARRAY
    return "" if declared is container else f"{shown(given.value)} is not a value of type {declared}"
