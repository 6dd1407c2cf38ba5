"""The state machine's one entry: events in, changes out, nothing else touched."""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from engine.machine import answers, attempts, child_attempts, fan_out, phases, readiness, runs
from engine.machine.changes import Changes
from engine.machine.events import (
    Broken,
    CacheAnswer,
    Cancel,
    ChildEnded,
    ChildStarted,
    Claimed,
    Decided,
    Ended,
    Event,
    Full,
    Granted,
    HooksTimeout,
    Lost,
    Overdue,
    Refused,
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
    if not execution.restored:
        fan_out.restore(execution)
    step = Step(execution, now, Changes(run=execution.run, seen_version=execution.run.version))
    for event in events:
        _apply(step, event)
        readiness.settle(step)
        while phases.conclude(step):
            readiness.settle(step)
    return step.changes


def _apply(step: Step, event: Event) -> None:
    match event:
        case Claimed():
            attempts.claimed(step, event)
        case Ended():
            attempts.ended(step, event)
        case Lost():
            attempts.lost(step, event)
        case Overdue():
            attempts.overdue(step, event)
        case TaskTimer():
            answers.timer(step, event)
        case Decided():
            answers.decided(step, event)
        case CacheAnswer():
            answers.cache_answer(step, event)
        case ChildStarted():
            child_attempts.started(step, event)
        case ChildEnded():
            child_attempts.ended(step, event)
        case _:
            _apply_to_run(step, event)


def _apply_to_run(
    step: Step, event: Start | Granted | Full | Refused | Cancel | RunTimeout | HooksTimeout | Broken
) -> None:
    match event:
        case Start():
            runs.start(step)
        case Granted():
            answers.granted(step, event)
        case Full():
            runs.full(step, event.message)
        case Refused():
            answers.refused(step, event)
        case Cancel():
            runs.cancel(step, event)
        case RunTimeout():
            runs.timeout(step)
        case HooksTimeout():
            runs.hooks_timeout(step, event)
        case Broken():
            runs.broken(step, event.message)
        case _:
            assert_never(event)
