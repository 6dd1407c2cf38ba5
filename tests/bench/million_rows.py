"""A plausible past: workflows of which few run most, and runs that mostly went well, drawn by a seed."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from dsl.model import CronTrigger, Task, Workflow, encode
from engine.broker.logs import LogLine, pack
from engine.machine.states import Reason, RunState

Rows = list[tuple[Any, ...]]

NAMESPACES: Final = 50
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "workflows": (
        *("id", "namespace", "name", "source", "path", "active_revision_id", "revision_count", "labels", "ready"),
        *("description", "paused_at", "archived_at", "created_at", "updated_at"),
    ),
    "revisions": (*("id", "workflow_id", "number", "digest", "compiled", "document", "source", "path", "created_at"),),
    "triggers": (*("workflow_id", "name", "kind", "spec", "anchor_at", "next_fire_time", "next_at", "updated_at"),),
    "runs": (
        *("id", "workflow_id", "revision_id", "state", "reason", "message", "phase", "version", "trigger_kind"),
        *("trigger_name", "created_at", "started_at", "finished_at"),
    ),
    "run_data": ("run_id", "inputs", "trigger", "labels"),
    "run_labels": ("key", "value", "run_id", "workflow_id"),
    "firings": ("workflow_id", "trigger", "fire_time", "kind", "outcome", "run_id", "created_at"),
    "task_runs": (
        *("id", "run_id", "task", "ordinal", "state", "reason", "kind", "pool", "attempt", "worker", "queued_at"),
        *("started_at", "attempt_started_at", "finished_at"),
    ),
    "attempts": (
        *("task_run_id", "number", "run_id", "state", "reason", "exit_code", "worker", "claim_id", "log_batches"),
        *("queued_at", "started_at", "finished_at"),
    ),
    "log_batches": (
        *("run_id", "pos", "task_run_id", "attempt", "claim_id", "batch_no", "line_count", "data", "created_at"),
    ),
}
"""The columns that are filled, table by table, in the order of the rows here."""

_DOCUMENT: Final = {"tasks": {"extract": {"run": "true"}}}
_FATES: Final = ("succeeded", "failed", "cancelled")
_FATE_WEIGHTS: Final = (93.0, 5.5, 1.5)
_KINDS: Final = ("cron", "manual", "webhook", "workflow")
_KIND_WEIGHTS: Final = (70.0, 15.0, 10.0, 5.0)
_TIERS: Final = ("bronze", "silver", "gold")


@dataclass(frozen=True, slots=True)
class Made:
    """One workflow that runs."""

    id: str
    revision_id: str
    labels: dict[str, str]
    labels_text: str
    tasks: tuple[tuple[str, str], ...]
    seconds: float
    reliable: bool


class Past:
    """What happened up to `until`: `rows_of_workflows` first, then `chunks` of runs in the order of time.

    `logged` is the share of task runs that have a log.
    """

    def __init__(
        self, workflows: int, runs: int, until: datetime, *, days: float = 60.0, logged: float = 0.02, seed: int = 1
    ) -> None:
        self.runs, self.days, self.logged, self.until = runs, days, logged, until
        self._random = random.Random(seed)
        self._began = until - timedelta(days=days)
        self.made = [self._workflow(number) for number in range(workflows)]

    def _workflow(self, number: int) -> Made:
        namespace, tier = f"team-{number % NAMESPACES:02}", _TIERS[number % 3]
        kinds = [("probe", "heartbeat")] if number % 10 == 1 else [("extract", "run"), ("load", "run")]
        labels = {"team": namespace, "tier": tier}
        return Made(
            id=self._id(self._began),
            revision_id=self._id(self._began),
            labels=labels,
            labels_text=json.dumps(labels),
            tasks=tuple(kinds[: 1 + number % 2]),
            seconds=0.2 * 1.6 ** (number % 17),
            reliable=number % 3 == 0,
        )

    def _id(self, moment: datetime) -> str:
        """Return a UUIDv7 (RFC 9562) of the moment, from the seed."""
        drawn = self._random.getrandbits(74)
        time, high, low = f"{int(moment.timestamp() * 1000):012x}", drawn >> 62, drawn & (1 << 62) - 1
        tail = f"{2 << 62 | low:016x}"
        return f"{time[:8]}-{time[8:]}-7{high:03x}-{tail[:4]}-{tail[4:]}"

    def rows_of_workflows(self) -> dict[str, Rows]:
        """Return the rows of the workflows, their revisions and triggers."""
        rows: dict[str, Rows] = {"workflows": [], "revisions": [], "triggers": []}
        for number, made in enumerate(self.made):
            name, namespace = f"flow-{number:05}", made.labels["team"]
            trigger = CronTrigger(expressions=(f"{number % 60} {number % 24} * * *",))
            tasks = {task: Task(id=task, kind=kind, spec={"script": "true"}) for task, kind in made.tasks}
            compiled = encode(Workflow(name=name, namespace=namespace, triggers={"often": trigger}, tasks=tasks))
            paused = self._began if number % 40 == 7 else None
            archived = self._began if number % 50 == 9 else None
            path, now = f"{namespace}/{name}.yaml", self._began
            rows["workflows"].append(
                (made.id, namespace, name, "bench", path, made.revision_id, 1, made.labels_text, "{}")
                + ("", paused, archived, now, now)
            )
            rows["revisions"].append(
                (made.revision_id, made.id, 1, f"{number:064x}", compiled, json.dumps(_DOCUMENT), "bench", path, now)
            )
            spec = msgspec.json.encode(trigger).decode()
            rows["triggers"].append((made.id, "often", "cron", spec, now, self.until, self.until, now))
        return rows

    def chunks(self, size: int) -> Iterator[dict[str, Rows]]:
        """Give the rows of all runs, `size` runs at a time."""
        step = timedelta(days=self.days) / max(self.runs, 1)
        weights = list(_summed(1 / (number + 10) for number in range(len(self.made))))
        for first in range(0, self.runs, size):
            count = min(size, self.runs - first)
            chosen = self._random.choices(self.made, cum_weights=weights, k=count)
            fates = self._random.choices(_FATES, _FATE_WEIGHTS, k=count)
            kinds = self._random.choices(_KINDS, _KIND_WEIGHTS, k=count)
            rows: dict[str, Rows] = {table: [] for table in COLUMNS if table not in ("workflows", "revisions")}
            for place, made in enumerate(chosen):
                fate = "succeeded" if made.reliable else fates[place]
                self._run(rows, made, fate, kinds[place], self._began + (first + place) * step)
            yield rows

    def _run(self, rows: dict[str, Rows], made: Made, fate: str, kind: str, created: datetime) -> None:
        draw = self._random.random
        run_id, began = self._id(created), created + timedelta(seconds=0.005 + 0.1 * draw() ** 4)
        reason = None if fate == RunState.SUCCEEDED else Reason.UPSTREAM_FAILED
        ended = self._tasks(rows, made, run_id, fate, began)
        name = "often" if kind == "cron" else None
        nominal = created - timedelta(seconds=0.3 * draw())
        trigger = {"kind": kind, "name": name, "scheduled_at": nominal.isoformat()} if name else {"kind": kind}
        rows["runs"].append(
            (run_id, made.id, made.revision_id, fate, reason, "", "finally", 4, kind, name, created, began, ended)
        )
        rows["run_data"].append((run_id, '{"region": "eu"}', json.dumps(trigger), made.labels_text))
        rows["run_labels"] += [(key, value, run_id, made.id) for key, value in made.labels.items()]
        if draw() < 0.0001:
            rows["run_labels"].append(("ticket", "4711", run_id, made.id))
        if name:
            rows["firings"].append((made.id, name, nominal, "schedule", "run", run_id, created))

    def _tasks(self, rows: dict[str, Rows], made: Made, run_id: str, fate: str, began: datetime) -> datetime:
        """Add the run's task runs, one after the other; return when the last one ended."""
        draw, ended = self._random.random, began
        for ordinal, (task, kind) in enumerate(made.tasks):
            queued, begun = ended, ended + timedelta(seconds=0.002 + draw() ** 6)
            ended = begun + timedelta(seconds=made.seconds * (0.5 + draw()))
            last = ordinal == len(made.tasks) - 1
            state, reason = (fate, Reason.EXIT if fate == "failed" else None) if last else ("succeeded", None)
            task_run_id, worker, logged = f"{run_id}-{ordinal}", "bench-1", draw() < self.logged
            rows["task_runs"].append(
                (task_run_id, run_id, task, ordinal, state, reason, kind, "default", 1, worker, queued)
                + (begun, begun, ended)
            )
            rows["attempts"].append(
                (task_run_id, 1, run_id, state, reason, int(state == "failed"), worker, run_id, int(logged))
                + (queued, begun, ended)
            )
            if logged:
                data, count = _log(task, begun, self._random)
                rows["log_batches"].append(
                    (run_id, ordinal + 1, task_run_id, 1, run_id, 1, count, data, ended),
                )
        return ended


def _log(task: str, at: datetime, drawn: random.Random) -> tuple[bytes, int]:
    """Return a batch of 20 lines; one batch in a thousand has a line of an error."""
    lines = [LogLine(at, "stdout", f"{task} row {drawn.randrange(10**6)} of the report was written") for _ in range(20)]
    if drawn.random() < 0.001:
        lines.append(LogLine(at, "stderr", "ConnectionResetError: the warehouse went away"))
    return pack(lines), len(lines)


def _summed(weights: Iterator[float]) -> Iterator[float]:
    total = 0.0
    for weight in weights:
        total += weight
        yield total


def now_rounded() -> datetime:
    """Return this second, at which the past ends."""
    return datetime.now(UTC).replace(microsecond=0)
