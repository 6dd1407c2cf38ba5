"""What became of a case on a real engine, in the shape in which a rehearsal compares it with what is expected."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import msgspec

from dsl.testfile.model import Case, Took
from engine.machine.execution import Execution
from engine.machine.graph import Graph
from engine.machine.model import Run, TaskRun
from engine.rehearsal.comparison import Comparison, Problem
from engine.rehearsal.mocks import Mocks
from engine.rehearsal.stage import Record, Stage
from tests.conformance.actors import SPEC_VARIABLE
from tests.conformance.theatre import Play, Theatre

EARLY_SECONDS: Final = 0.1
LATE_SECONDS: Final = 6.0
"""How much earlier and later than in simulated time something may happen on a busy machine."""


def problems(play: Play, theatre: Theatre) -> list[Problem]:
    """Return everything that is not as the case says it must be."""
    run, given = play.run, msgspec.structs.replace(play.case.case, expect=play.case.expect)
    assert run is not None, "the run was not there"
    if not run.terminal:
        waiting = [f"{each.task} {each.state} {each.message}" for each in run.live()]
        return [Problem((), f"the run did not end; it is {run.state}: {waiting}")]
    stage = _stage(play, run, theatre)
    untimed = {name: msgspec.structs.replace(each, started_seconds=None) for name, each in given.expect.tasks.items()}
    expect = msgspec.structs.replace(given.expect, tasks=untimed, took=_took(given.expect.took, play, run))
    case = msgspec.structs.replace(given, at=run.created_at, expect=expect)
    return [*Comparison(stage, case).problems(), *_started(play, run, given), *_beside(play, run, theatre)]


def _stage(play: Play, run: Run, theatre: Theatre) -> Stage:
    graph = Graph.of(run.workflow)
    stage = Stage(Execution.of(run, graph), Mocks(play.case.case.mocks), run.created_at)
    children = theatre.runs([task_run.child_run for task_run in _all(run) if task_run.child_run])
    environments = dict(_environments(play))
    for task_run in _all(run):
        record = Record(started_at=task_run.started_at)
        record.env = environments.get((run.id, task_run.task, task_run.key, task_run.attempt), {})
        record.spec = msgspec.json.decode(record.env.get(SPEC_VARIABLE, "{}"))
        child = children.get(task_run.child_run or "")
        record.inputs = child.inputs if child is not None else {}
        stage.records[task_run.id] = record
    stage.started = [task_run.id for task_run in _in_order(run, graph)]
    return stage


def _all(run: Run) -> Iterator[TaskRun]:
    yield from run.tasks.values()
    for items in run.items.values():
        yield from items


def _in_order(run: Run, graph: Graph) -> list[TaskRun]:
    """Return the task runs that started, by time; what the engine does in one step, in the order of the graph."""
    places = {name: place for stage in graph.stages.values() for place, name in enumerate(stage)}
    started = [task_run for task_run in _all(run) if task_run.started_at is not None]
    return sorted(started, key=lambda each: (each.started_at, each.finished_at, places[each.task], each.index or 0))


def _environments(play: Play) -> Iterator[tuple[tuple[str, str, str, int], dict[str, str]]]:
    """Give what each attempt's script found in its environment, by run, task, key and number."""
    for path in play.notes.iterdir():
        text = path.read_text(encoding="utf-8")
        if not text.endswith("\0"):  # its script was stopped before it had said all, as a replaced run's may be
            continue
        pairs = [pair.partition("=") for pair in text.split("\0") if pair]
        found = {name: value for name, _, value in pairs}
        key = found.get("CHRONOVERSE_TASK_KEY", "")
        place = (found["CHRONOVERSE_RUN_ID"], found["CHRONOVERSE_TASK"], key, int(found["CHRONOVERSE_ATTEMPT"]))
        yield place, found


def _took(wanted: Took | None, play: Play, run: Run) -> Took | None:
    """Return the bounds in real time. Times to wait until count from before the run was made."""
    if wanted is None:
        return None
    factor, early = play.factor, EARLY_SECONDS + (run.created_at - play.begin).total_seconds()
    least, most = wanted.min_seconds, wanted.max_seconds
    return Took(
        min_seconds=None if least is None else least * factor - early,
        max_seconds=None if most is None else most * factor + LATE_SECONDS,
    )


def _started(play: Play, run: Run, given: Case) -> Iterator[Problem]:
    """Give the task runs that did not start when they were to start."""
    names: dict[str, Any] = dict(run.tasks)
    names |= {f"{task}[{item.key}]": item for task, items in run.items.items() for item in items}
    for name, wanted in given.expect.tasks.items():
        if wanted.started_seconds is None or name not in names or names[name].started_at is None:
            continue
        after = names[name].started_at - run.created_at
        early = timedelta(seconds=wanted.started_seconds * play.factor - EARLY_SECONDS)
        if not early <= after <= early + timedelta(seconds=EARLY_SECONDS + LATE_SECONDS):
            yield Problem(("tasks", name, "started"), f"started after {after}, wanted after {early}")


def _beside(play: Play, run: Run, theatre: Theatre) -> Iterator[Problem]:
    """Give what is wrong beside the run: other runs, notices, the workflow."""
    engine, namespace = play.case.engine, run.workflow.namespace
    found: list[tuple[str, Any, Any]] = [
        (f"brings.{name}", count, theatre.made(namespace, name)) for name, count in engine.brings.items()
    ]
    if engine.told is not None:
        found.append(("told", list(engine.told), theatre.told(run.id)))
    if engine.paused is not None:
        paused = theatre.workflow(namespace, run.workflow.name).paused_at is not None
        found.append(("paused", engine.paused, paused))
    if engine.beside_end:
        states = theatre.runs(play.beside)
        found.append(("beside_end", list(engine.beside_end), [str(states[of].state) for of in play.beside]))
    for name, wanted, really in found:
        if wanted != really:
            yield Problem(("engine", name), f"expected {wanted}, was {really}")
