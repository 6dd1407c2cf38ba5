"""Triggers: what starts runs."""

from datetime import datetime
from typing import Any

from dsl.compile.tasks import whole_name
from dsl.compile.values import seconds
from dsl.durations import parse_duration
from dsl.model import Catchup, CronTrigger, EveryTrigger, Trigger, WebhookTrigger, WorkflowTrigger
from dsl.times import parse_time


def compile_trigger(spec: dict[str, Any], *, namespace: str, line: int) -> Trigger:
    """Return a trigger of any kind. An upstream workflow without a namespace is in `namespace`."""
    shared: dict[str, Any] = {"condition": spec.get("if"), "inputs": spec.get("inputs", {}), "line": line}
    if "webhook" in spec:
        return WebhookTrigger(secret=spec["webhook"]["secret"], **shared)
    if "workflow" in spec:
        source = spec["workflow"]
        name = whole_name(source["name"], namespace)
        return WorkflowTrigger(name=name, states=tuple(source.get("states", ("succeeded",))), **shared)
    return _schedule(spec, shared)


def _schedule(spec: dict[str, Any], shared: dict[str, Any]) -> CronTrigger | EveryTrigger:
    shared |= {
        "catchup": Catchup(spec.get("catchup", Catchup.LATEST)),
        "jitter_seconds": seconds(spec.get("jitter")) or 0.0,
        "starts_at": _time(spec.get("starts_at")),
        "ends_at": _time(spec.get("ends_at")),
    }
    if "every" in spec:
        return EveryTrigger(every_seconds=parse_duration(spec["every"]), **shared)
    cron, dst = spec["cron"], spec.get("dst", {})
    return CronTrigger(
        expressions=(cron,) if isinstance(cron, str) else tuple(cron),
        timezone=spec.get("timezone", "UTC"),
        gap=dst.get("gap", "shift"),
        overlap=dst.get("overlap", "first"),
        **shared,
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else parse_time(text)
