"""A new run: its inputs resolved and checked, its place in the concurrency limit named (R1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jsonschema_rs

from dsl.expressions import ExpressionError, Field
from dsl.model import Input
from dsl.values import is_of_type
from engine.machine.context import run_lookup
from engine.machine.graph import Graph
from engine.machine.model import Run
from engine.machine.wording import as_text


@dataclass(frozen=True, slots=True)
class InputFault:
    """One thing wrong with the inputs that a run was asked for."""

    name: str
    message: str


def new_run(
    *,
    run_id: str,
    graph: Graph,
    workflow_id: str,
    revision_id: str,
    revision: int,
    trigger: dict[str, Any],
    inputs: Mapping[str, Any],
    now: datetime,
    trigger_name: str | None = None,
    labels: Mapping[str, str] | None = None,
    retry_of: str | None = None,
    parent_task_run: str | None = None,
    parent_attempt: int | None = None,
    backfill_id: str | None = None,
    commit: str | None = None,
    trace: dict[str, str] | None = None,
) -> Run:
    """Return a queued run. What is wrong with its inputs or its concurrency key stands in `fault`.

    A run with a fault is created all the same, and fails when it starts: a firing never ends in silence. `trigger` is
    what expressions see as `trigger` (JSON values, times as RFC 3339 text). With `trigger_name`, the inputs that this
    trigger of the workflow gives are worked out too; `inputs` wins over them.
    """
    workflow = graph.workflow
    run = Run(
        id=run_id,
        workflow=workflow,
        workflow_id=workflow_id,
        revision_id=revision_id,
        revision=revision,
        created_at=now,
        trigger=trigger,
        labels={**workflow.labels, **(labels or {})},
        retry_of=retry_of,
        parent_task_run=parent_task_run,
        parent_attempt=parent_attempt,
        backfill_id=backfill_id,
        commit=commit,
        trace=trace or {},
    )
    given, faults = _given(run, graph, trigger_name, inputs)
    faults += _resolve(run, graph, given)
    if not faults and workflow.concurrency is not None:
        faults = _place(run, graph)
    run.fault = "; ".join(f"{fault.name}: {fault.message}" for fault in faults)
    return run


def check_inputs(graph: Graph, given: Mapping[str, Any]) -> list[InputFault]:
    """Return what is wrong with the inputs given, before any default is looked at."""
    declared = graph.workflow.inputs
    faults = [_unknown(name, declared) for name in given if name not in declared]
    for name, spec in declared.items():
        if name in given:
            faults += [InputFault(name, message) for message in _value_faults(given[name], spec)]
        elif spec.required:
            faults.append(InputFault(name, "is required and was not given"))
    return faults


def _given(
    run: Run, graph: Graph, trigger_name: str | None, inputs: Mapping[str, Any]
) -> tuple[dict[str, Any], list[InputFault]]:
    if trigger_name is None or trigger_name not in graph.workflow.triggers:
        return dict(inputs), []
    templates = graph.workflow.triggers[trigger_name].inputs
    try:
        resolved = graph.evaluator.resolve(Field.TRIGGER_INPUTS, templates, run_lookup(run))
    except ExpressionError as error:
        return dict(inputs), [InputFault(f"triggers.{trigger_name}.inputs", str(error))]
    return {**resolved, **inputs}, []


def _resolve(run: Run, graph: Graph, given: Mapping[str, Any]) -> list[InputFault]:
    faults = check_inputs(graph, given)
    lookup = run_lookup(run)
    values = dict(given)
    for name, spec in graph.workflow.inputs.items():
        if name in values or spec.required:
            continue
        try:
            values[name] = graph.evaluator.resolve(Field.INPUT_DEFAULT, spec.default, lookup)
        except ExpressionError as error:
            faults.append(InputFault(name, f"its default cannot be worked out: {error}"))
            continue
        if values[name] is not None:
            faults += [InputFault(name, f"its default {message}") for message in _value_faults(values[name], spec)]
    run.inputs = values
    return faults


def _place(run: Run, graph: Graph) -> list[InputFault]:
    concurrency = graph.workflow.concurrency
    assert concurrency is not None
    resource = f"concurrency:{graph.workflow.namespace}/{graph.workflow.name}"
    try:
        key = graph.evaluator.resolve(Field.CONCURRENCY_KEY, concurrency.key, run_lookup(run))
    except ExpressionError as error:
        return [InputFault("concurrency.key", str(error))]
    run.concurrency_resource = resource if key is None else f"{resource}:{as_text(key)}"[:400]
    return []


def _value_faults(value: Any, spec: Input) -> list[str]:
    if not is_of_type(value, spec.type):
        return [f"must be of type {spec.type}"]
    if spec.enum is not None and value not in spec.enum:
        return [f"must be one of {', '.join(map(str, spec.enum))}"]
    if spec.json_schema is not None:
        validator = jsonschema_rs.validator_for(spec.json_schema)
        return [error.message for error in validator.iter_errors(value)]
    return []


def _unknown(name: str, declared: Mapping[str, Input]) -> InputFault:
    known = ", ".join(declared) or "none"
    return InputFault(name, f"is not an input of this workflow; its inputs are: {known}")
