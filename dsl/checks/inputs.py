"""Inputs: defaults, allowed values and what triggers give must fit the declared types."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs

from dsl.checks.subject import Subject
from dsl.diagnostics import Fault
from dsl.model import ValueType
from dsl.suggest import did_you_mean
from dsl.syntax.violations import Path, shown
from dsl.usage import used_inputs
from dsl.values import is_of_type


def inputs(subject: Subject) -> Iterator[Fault]:
    """Find inputs whose declaration contradicts itself, and triggers whose inputs do not fit."""
    for name, spec in subject.inputs.items():
        yield from _declaration(subject, name, spec)
    for name, trigger in subject.triggers.items():
        yield from _given(subject, trigger, ("triggers", name))


def _declaration(subject: Subject, name: str, spec: dict[str, Any]) -> Iterator[Fault]:
    path: Path = ("inputs", name)
    if "type" not in spec:
        return
    kind = ValueType(spec["type"])
    yield from _schema(subject, spec, kind, path)
    for number, item in enumerate(spec.get("enum", ())):
        if not is_of_type(item, kind):
            yield subject.at_value("E0203", f"{shown(item)} is not a value of type {kind}", (*path, "enum", number))
    if "default" in spec:
        yield from _fits(subject, spec["default"], spec, (*path, "default"), "E0203")


def _schema(subject: Subject, spec: dict[str, Any], kind: ValueType, path: Path) -> Iterator[Fault]:
    if "schema" not in spec:
        return
    if kind not in {ValueType.ARRAY, ValueType.OBJECT}:
        message = f"'schema' is for arrays and objects, not for type {kind}"
        yield subject.at_key("E0204", message, (*path, "schema"), "use 'enum', or remove it")
        return
    reason = _schema_problem(spec["schema"])
    if reason:
        yield subject.at_key("E0204", f"not a JSON Schema: {reason}", (*path, "schema"))


def _schema_problem(schema: Any) -> str:
    """Return why a JSON Schema is not valid, or nothing. References leave the file nowhere: none is fetched."""
    try:
        jsonschema_rs.Draft202012Validator(schema, offline=True)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        return str(error).splitlines()[0]
    return ""


def _fits(subject: Subject, value: Any, spec: dict[str, Any], path: Path, code: str) -> Iterator[Fault]:
    if has_expression(value):
        return
    kind = ValueType(spec["type"])
    if not is_of_type(value, kind):
        hint = f'quote it: "{value}"' if kind is ValueType.STRING and isinstance(value, int | float) else ""
        yield subject.at_value(code, f"{shown(value)} is not a value of type {kind}", path, hint)
    elif "enum" in spec and value not in spec["enum"]:
        allowed = [str(item) for item in spec["enum"]]
        hint = did_you_mean(str(value), allowed, f"one of: {', '.join(allowed[:12])}")
        yield subject.at_value(code, f"{shown(value)} is not among the values allowed", path, hint)
    elif "schema" in spec and not _schema_problem(spec["schema"]):
        for error in jsonschema_rs.Draft202012Validator(spec["schema"], offline=True).iter_errors(value):
            yield subject.at_value(code, f"the value does not fit its schema: {error.message}", path)


def has_expression(value: Any) -> bool:
    """Return whether a template holds an expression anywhere."""
    if isinstance(value, str):
        return "${{" in value
    if isinstance(value, dict):
        return any(has_expression(item) for item in value.values())
    return isinstance(value, list) and any(has_expression(item) for item in value)


def _given(subject: Subject, trigger: dict[str, Any], path: Path) -> Iterator[Fault]:
    declared = subject.inputs
    given = trigger.get("inputs", {})
    for name, value in given.items():
        if name not in declared and "inputs." not in subject.doubtful:
            hint = did_you_mean(name, declared, "declare it under 'inputs'")
            yield subject.at_key("E0214", f"the workflow has no input '{name}'", (*path, "inputs", name), hint)
        elif "type" in declared.get(name, ()):
            yield from _fits(subject, value, declared[name], (*path, "inputs", name), "E0215")
    missing = [name for name, spec in declared.items() if "default" not in spec and "type" in spec]
    used = used_inputs(subject.value) if missing else frozenset()
    for name in missing:
        if name in used and name not in given:
            message = f"the trigger does not give the input '{name}', which has no default"
            yield subject.at_key("E0216", message, path, f"add 'inputs: {{{name}: …}}', or a default")
