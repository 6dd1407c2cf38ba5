"""From a checked document to cases."""

from typing import Any, Final

from dsl.compile.values import seconds
from dsl.testfile.model import BEGIN, Case, Expected, ExpectedNotice, ExpectedTask, Result, Took
from dsl.times import parse_time

_MERGED: Final = ("mocks", "inputs", "secrets", "trigger")
"""What `defaults` give key by key."""


def compile_cases(document: dict[str, Any], lines: dict[str, int]) -> tuple[Case, ...]:
    """Return the document's tests, with what its `defaults` give."""
    defaults = document.get("defaults", {})
    return tuple(_case(name, _merged(defaults, spec), lines.get(name, 1)) for name, spec in document["tests"].items())


def _merged(defaults: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    merged = {name: {**defaults.get(name, {}), **spec.get(name, {})} for name in _MERGED}
    return {**defaults, **spec, **merged}


def _case(name: str, spec: dict[str, Any], line: int) -> Case:
    return Case(
        name=name,
        line=line,
        description=spec.get("description", ""),
        at=parse_time(spec["at"]) if "at" in spec else BEGIN,
        inputs=spec["inputs"],
        trigger=spec["trigger"],
        secrets=spec["secrets"],
        mocks={task: _results(mock) for task, mock in spec["mocks"].items()},
        cancel_after_seconds=seconds(spec.get("cancel_after")),
        earlier=tuple(spec.get("earlier", ())),
        expect=_expected(spec["expect"]),
    )


def _results(mock: Any) -> tuple[Result, ...]:
    return tuple(_result(item) for item in mock) if isinstance(mock, list) else (_result(mock),)


def _result(spec: dict[str, Any]) -> Result:
    fields = {name: value for name, value in spec.items() if name != "duration"}
    return Result(**fields, duration_seconds=seconds(spec.get("duration")) or 0.0)


def _expected(spec: dict[str, Any]) -> Expected:
    fields = {name: spec[name] for name in ("state", "reason", "message", "outputs", "inputs") if name in spec}
    return Expected(
        **fields,
        tasks={task: _expected_task(wanted) for task, wanted in spec.get("tasks", {}).items()},
        order=tuple(spec.get("order", ())),
        ran=tuple(spec["ran"]) if "ran" in spec else None,
        took=_took(spec["took"]) if "took" in spec else None,
        notifications=tuple(map(_notice, spec["notifications"])) if "notifications" in spec else None,
    )


def _notice(spec: dict[str, Any]) -> ExpectedNotice:
    return ExpectedNotice(
        event=spec["event"], channel=spec.get("channel"), to=tuple(spec["to"]) if "to" in spec else None
    )


def _expected_task(spec: Any) -> ExpectedTask:
    if isinstance(spec, str):
        return ExpectedTask(state=spec)
    fields = {name: value for name, value in spec.items() if name != "started"}
    return ExpectedTask(**fields, started_seconds=seconds(spec.get("started")))


def _took(spec: Any) -> Took:
    if isinstance(spec, str):
        exactly = seconds(spec)
        return Took(min_seconds=exactly, max_seconds=exactly)
    return Took(min_seconds=seconds(spec.get("min")), max_seconds=seconds(spec.get("max")))
