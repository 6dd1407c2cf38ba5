"""The workflow as a whole. Every function here takes documents that fit the schema and passed the checks."""

from typing import Any, NamedTuple

from dsl.compile.tasks import compile_tasks
from dsl.compile.triggers import compile_trigger
from dsl.compile.values import seconds, texts
from dsl.model import Concurrency, Input, Notification, Overlap, ValueType, Workflow
from dsl.stages import STAGES
from dsl.usage import used_inputs


class Lines(NamedTuple):
    """The lines on which tasks and triggers begin, by id and name."""

    tasks: dict[str, int]
    triggers: dict[str, int]


def compile_workflow(document: dict[str, Any], *, namespace: str, path: str, lines: Lines) -> Workflow:
    """Return the document as the engine runs it. `namespace` is used where the document names none."""
    namespace = document.get("namespace", namespace)
    defaults = document.get("defaults", {})
    checkout = document.get("checkout", False)
    stages = {
        key: compile_tasks(document.get(key, {}), defaults, lines.tasks, namespace, checkout=checkout) for key in STAGES
    }
    return Workflow(
        name=document["name"],
        namespace=namespace,
        description=document.get("description", ""),
        labels=texts(document.get("labels", {})),
        inputs=_inputs(document),
        triggers={
            name: compile_trigger(spec, namespace=namespace, line=lines.triggers.get(name, 0))
            for name, spec in document.get("triggers", {}).items()
        },
        env=texts(document.get("env", {})),
        tasks=stages["tasks"],
        outputs=document.get("outputs", {}),
        on_failure=stages["on_failure"],
        on_success=stages["on_success"],
        finally_=stages["finally"],
        notify=tuple(_notification(spec) for spec in document.get("notify", ())),
        secrets=tuple(document.get("secrets", ())),
        locks=tuple(document.get("locks", ())),
        slots=document.get("slots", {}),
        concurrency=_concurrency(document.get("concurrency")),
        timeout_seconds=seconds(document.get("timeout")),
        max_consecutive_failures=document.get("max_consecutive_failures"),
        moved_from=document.get("moved", {}).get("from"),
        path=path,
    )


def _inputs(document: dict[str, Any]) -> dict[str, Input]:
    declared = document.get("inputs", {})
    missing = {name for name, spec in declared.items() if "default" not in spec}
    required = missing & used_inputs(document) if missing else missing
    return {name: _input(spec, required=name in required) for name, spec in declared.items()}


def _input(spec: dict[str, Any], *, required: bool) -> Input:
    return Input(
        type=ValueType(spec["type"]),
        description=spec.get("description", ""),
        required=required,
        default=spec.get("default"),
        enum=tuple(spec["enum"]) if "enum" in spec else None,
        json_schema=spec.get("schema"),
    )


def _notification(spec: dict[str, Any]) -> Notification:
    webhook = spec.get("webhook", {})
    return Notification(
        on=tuple(spec["on"]),
        url=webhook.get("url"),
        headers=texts(webhook.get("headers", {})),
        email_to=tuple(spec.get("email", {}).get("to", ())),
    )


def _concurrency(spec: dict[str, Any] | None) -> Concurrency | None:
    if spec is None:
        return None
    return Concurrency(
        limit=int(spec.get("limit", 1)),
        key=spec.get("key"),
        overlap=Overlap(spec.get("overlap", Overlap.QUEUE)),
    )
