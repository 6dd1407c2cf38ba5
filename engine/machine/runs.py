"""The run's arrows, R2 to R7 and R10: started, stopped, broken."""

from datetime import timedelta

from engine.machine.ending import end, stop_all
from engine.machine.events import Cancel, HooksTimeout
from engine.machine.phases import finish
from engine.machine.resources import acquire_for_run, wants_of_run
from engine.machine.states import Phase, Reason, RunState, TaskState
from engine.machine.step import Step


def start(step: Step) -> None:
    """R2, R3, R6: start a queued run, or ask for its turn."""
    run = step.run
    if run.state is not RunState.QUEUED or run.reason is Reason.CONCURRENCY:
        step.ignore()
    elif run.fault:
        finish(step, RunState.FAILED, Reason.INVALID_INPUTS, run.fault)
    elif wants := wants_of_run(run):
        acquire_for_run(step, wants)
    else:
        _begin(step)


def granted(step: Step) -> None:
    """R2: the run holds all that it asked for."""
    if step.run.state is RunState.QUEUED:
        _begin(step)
    else:
        step.ignore()


def refused(step: Step, message: str) -> None:
    """The run wants what this installation does not have."""
    if step.run.state is RunState.QUEUED:
        finish(step, RunState.FAILED, Reason.RESOURCE, message)
    else:
        step.ignore()


def full(step: Step, message: str) -> None:
    """R4: the limit is reached and the workflow says skip."""
    if step.run.state is RunState.QUEUED:
        finish(step, RunState.SKIPPED, Reason.CONCURRENCY, message)
    else:
        step.ignore()


def _begin(step: Step) -> None:
    run, execution = step.run, step.execution
    step.move_run(RunState.RUNNING, None, "")
    run.started_at = step.now
    step.changes.began = True
    if run.workflow.timeout_seconds is not None:
        due = step.now + timedelta(seconds=run.workflow.timeout_seconds)
        step.signal("run_timeout", due, f"run_timeout:{run.id}")
    step.ready.extend(name for name, unmet in execution.unmet.items() if unmet == 0)


def cancel(step: Step, event: Cancel) -> None:
    """R5, R7: end a run that has not begun; stop the main tasks of one that runs. Forced: hooks too, without grace."""
    run = step.run
    message = f"cancelled by {event.by}" if event.by else ""
    if run.state is RunState.QUEUED:
        finish(step, RunState.CANCELLED, event.reason, message)
    elif run.state is not RunState.RUNNING or run.forced or not (event.forced or _stoppable(step)):
        step.ignore()
    else:
        run.stop, run.forced = run.stop or event.reason, event.forced
        if run.phase is Phase.MAIN:
            run.message = run.message or message
        step.touch_run()
        stop_all(step, run.stop, forced=event.forced)


def _stoppable(step: Step) -> bool:
    return step.run.phase is Phase.MAIN and step.run.stop is None


def timeout(step: Step) -> None:
    """R7: the run's own timeout has passed. It is for the main tasks."""
    run = step.run
    if run.state is not RunState.RUNNING or not _stoppable(step):
        step.ignore()
        return
    run.stop, run.message = Reason.TIMEOUT, f"the run's timeout of {run.workflow.timeout_seconds:g} s has passed"
    step.touch_run()
    stop_all(step, Reason.TIMEOUT, forced=False)


def hooks_timeout(step: Step, event: HooksTimeout) -> None:
    """R7: the time of this phase's hooks has passed."""
    run = step.run
    if run.state is not RunState.RUNNING or str(run.phase) != event.phase or run.stop is not None:
        step.ignore()
        return
    run.stop = Reason.TIMEOUT
    step.touch_run()
    stop_all(step, Reason.TIMEOUT, forced=False)


def broken(step: Step, message: str) -> None:
    """R10: the machine itself failed on this run."""
    if step.run.terminal:
        step.ignore()
        return
    step.run.stop = Reason.INTERNAL_ERROR
    for name in list(step.execution.unmet):
        end(step, step.execution.create(name), TaskState.CANCELLED, Reason.INTERNAL_ERROR, "")
    for task_run in list(step.run.live()):
        step.move(task_run, TaskState.CANCELLED, Reason.INTERNAL_ERROR, "")
        task_run.finished_at, task_run.due_at = step.now, None
    step.execution.open = 0
    step.ready.clear()
    step.fans.clear()
    finish(step, RunState.FAILED, Reason.INTERNAL_ERROR, message)
