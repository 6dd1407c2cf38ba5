"""What came of a played case, compared with what is expected of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from dsl.durations import format_duration
from dsl.model import Notification
from dsl.suggest import did_you_mean
from dsl.testfile.model import Case, Expected, ExpectedNotice, ExpectedTask, Took
from engine.machine.model import TaskRun
from engine.machine.notices import notices, told_of
from engine.machine.states import Reason, TaskState
from engine.rehearsal.stage import Record, Stage

_RAN: Final = frozenset({TaskState.SUCCEEDED, TaskState.FAILED})

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it must be; `path` leads to the expectation within the test."""

    path: Path
    message: str


class Comparison:
    """Compares an ended run with what is expected of it."""

    def __init__(self, stage: Stage, case: Case) -> None:
        self._stage = stage
        self._run = stage.execution.run
        self._case = case
        self._names = {run.id: name for name, run in self._all()}

    def problems(self) -> list[Problem]:
        """Return everything that is not as it must be."""
        expect = self._case.expect
        return [
            *self._of_run(expect),
            *(problem for name, wanted in expect.tasks.items() for problem in self._of_task(name, wanted)),
            *self._order(expect),
            *self._took(expect.took),
            *self._notices(expect.notifications),
        ]

    def _of_run(self, expect: Expected) -> Iterator[Problem]:
        run = self._run
        why = f" ({run.reason}{': ' if run.message else ''}{run.message})" if run.reason else ""
        yield from _same(("state",), expect.state, str(run.state), why)
        yield from _same(("reason",), expect.reason, str(run.reason or ""), f" ({run.message})" if run.message else "")
        yield from _contains(("message",), expect.message, run.message)
        yield from _parts(("outputs",), expect.outputs, run.outputs or {})
        yield from _parts(("inputs",), expect.inputs, run.inputs)

    def _of_task(self, name: str, wanted: ExpectedTask) -> Iterator[Problem]:
        path: Path = ("tasks", name)
        task_run = next((run for known, run in self._all() if known == name), None)
        if task_run is None:
            if name.partition("[")[0] not in self._stage.execution.graph.tasks or "[" in name:
                hint = did_you_mean(name, [known for known, _ in self._all()])
                yield Problem(path, f"the run has no task run of this name{_hint(hint)}")
            else:
                yield from _same(path, wanted.state, "pending", "")
            return
        record = self._stage.records.get(task_run.id, Record())
        why = f" ({task_run.reason}{': ' if task_run.message else ''}{task_run.message})" if task_run.reason else ""
        yield from _same((*path, "state"), wanted.state, str(task_run.state), why)
        yield from _same((*path, "reason"), wanted.reason, str(task_run.reason or ""), "")
        yield from _contains((*path, "message"), wanted.message, task_run.message)
        yield from _same((*path, "attempts"), wanted.attempts, task_run.attempt, "")
        yield from _same((*path, "items"), wanted.items, len(self._run.items.get(name, ())), "")
        yield from _parts((*path, "outputs"), wanted.outputs, task_run.outputs or {})
        yield from _parts((*path, "env"), wanted.env, record.env)
        yield from _parts((*path, "inputs"), wanted.inputs, record.inputs)
        yield from _parts((*path, "spec"), wanted.spec, record.spec)
        if wanted.started_seconds is not None:
            at = None if record.started_at is None else (record.started_at - self._case.at).total_seconds()
            yield from _same((*path, "started"), wanted.started_seconds, at, " (seconds)")

    def _order(self, expect: Expected) -> Iterator[Problem]:
        started = [self._names[found] for found in self._stage.started]
        place = 0
        for number, name in enumerate(expect.order):
            if name not in started[place:]:
                yield Problem(("order", number), f"'{name}' did not start there; started: {', '.join(started)}")
                break
            place = started.index(name, place) + 1
        if expect.ran is not None:
            ran = {name for name, run in self._all() if run.state in _RAN and run.index is None}
            ran = {name for name in ran if self._run.tasks[name].reason is not Reason.REUSED}
            for name in sorted(ran - set(expect.ran)):
                yield Problem(("ran",), f"'{name}' ran too")
            for name in sorted(set(expect.ran) - ran):
                yield Problem(("ran",), f"'{name}' did not run")

    def _took(self, wanted: Took | None) -> Iterator[Problem]:
        if wanted is None or self._run.finished_at is None:
            return
        took = (self._run.finished_at - self._case.at).total_seconds()
        too_short = wanted.min_seconds is not None and took < wanted.min_seconds - 1e-6
        too_long = wanted.max_seconds is not None and took > wanted.max_seconds + 1e-6
        if too_short or too_long:
            bounds = [text(bound) for bound in (wanted.min_seconds, wanted.max_seconds)]
            expected = bounds[0] if bounds[0] == bounds[1] else f"{bounds[0]} to {bounds[1]}"
            yield Problem(("took",), f"expected {expected}, took {text(took)}")

    def _notices(self, wanted: tuple[ExpectedNotice, ...] | None) -> Iterator[Problem]:
        if wanted is None:
            return
        workflow = self._run.workflow
        events, _ = told_of(self._run, self._case.earlier)
        sent = [(event, workflow.notify[position]) for position, event in notices(workflow, events)]
        shown = ", ".join(f"{event} by {_channel(by)}" for event, by in sent) or "none"
        for number, one in enumerate(wanted[: len(sent)]):
            event, by = sent[number]
            differs = one.channel not in {None, _channel(by)} or one.to not in {None, by.email_to}
            if one.event != event or differs:
                yield Problem(("notifications", number), f"expected {_notice(one)}; sent were: {shown}")
                return
        if len(wanted) != len(sent):
            yield Problem(("notifications",), f"expected {len(wanted)} notices; sent were: {shown}")

    def _all(self) -> Iterator[tuple[str, TaskRun]]:
        yield from self._run.tasks.items()
        for task, items in self._run.items.items():
            yield from ((f"{task}[{item.key}]", item) for item in items)


def text(seconds: float | None) -> str:
    """Return a duration as the language writes it; nothing for None."""
    return "any time" if seconds is None else format_duration(seconds)


def _channel(notification: Notification) -> str:
    return "email" if notification.email_to else "webhook"


def _notice(wanted: ExpectedNotice) -> str:
    to = f" to {', '.join(wanted.to)}" if wanted.to else ""
    return wanted.event + (f" by {wanted.channel}" if wanted.channel else "") + to


def _same(path: Path, wanted: Any, found: Any, more: str) -> Iterator[Problem]:
    if wanted is not None and wanted != found:
        yield Problem(path, f"expected {_shown(wanted)}, was {_shown(found)}{more}")


def _contains(path: Path, wanted: str | None, found: str) -> Iterator[Problem]:
    if wanted is not None and wanted not in found:
        yield Problem(path, f"expected a message with {_shown(wanted)}, was {_shown(found)}")


def _parts(path: Path, wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Problem]:
    for name, value in wanted.items():
        if name not in found:
            yield Problem((*path, name), f"expected {_shown(value)}, is not there")
        elif not _alike(found[name], value):
            yield Problem((*path, name), f"expected {_shown(value)}, was {_shown(found[name])}")


def _alike(found: Any, wanted: Any) -> bool:
    """Whether two JSON values are the same; 1 is 1.0, and true is not 1."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(_alike(found[name], value) for name, value in wanted.items())
    if isinstance(found, list | tuple) and isinstance(wanted, list | tuple):
        return len(found) == len(wanted) and all(map(_alike, found, wanted))
    if _number(found) and _number(wanted):
        return bool(found == wanted)
    return msgspec.json.encode(found) == msgspec.json.encode(wanted)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    shown = value if isinstance(value, str) and value else repr(value)
    return shown if len(shown) <= 200 else f"{shown[:197]}..."


def _hint(hint: str) -> str:
    return f"; {hint}" if hint else ""
