"""The state machine's one entry: events in, changes out, nothing else touched."""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from engine.machine import attempts, runs, tasks
from engine.machine.changes import Changes
from engine.machine.events import (
    Broken,
    Cancel,
    Claimed,
    Ended,
    Event,
    Full,
    Granted,
    Lost,
    Overdue,
    RunTimeout,
    Start,
    TaskTimer,
)
from engine.machine.execution import Execution
from engine.machine.step import Step


def advance(execution: Execution, events: Sequence[Event], now: datetime) -> Changes:
    """Apply the events in order and return what is to be written and done.

    Mutates the execution in place (copying costs 80 us an event at 10,000 tasks); when the changes cannot be
    committed, or this raises, the caller throws the execution away and loads the run again. Any event may come twice,
    late or out of order: what does not fit the current state changes nothing.
    """
    step = Step(execution, now, Changes(run=execution.run, seen_version=execution.run.version))
    for event in events:
        _apply(step, event)
        tasks.settle_ready(step)
        runs.conclude(step)
    return step.changes


def _apply(step: Step, event: Event) -> None:
    match event:
        case Claimed():
            attempts.claimed(step, event)
        case Ended():
            attempts.ended(step, event)
        case Start():
            runs.start(step)
        case TaskTimer():
            tasks.timer(step, step.find(event.task_run_id), event.attempt)
        case Granted():
            runs.granted(step)
        case Full():
            runs.full(step, event.message)
        case Cancel():
            runs.cancel(step, event)
        case RunTimeout():
            runs.timeout(step)
        case Lost():
            attempts.lost(step, event)
        case Overdue():
            attempts.overdue(step, event)
        case Broken():
            runs.broken(step, event.message)
        case _:
            assert_never(event)
