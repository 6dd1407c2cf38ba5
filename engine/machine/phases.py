"""A run's phases: the main tasks fix the outcome, then its hooks run, then `finally` (R8, R9)."""

from datetime import timedelta
from typing import Any, Final

from dsl.expressions import ExpressionError, Field
from engine.machine.context import task_lookup
from engine.machine.graph import Stage, phase_of
from engine.machine.states import Phase, Reason, RunState
from engine.machine.step import Step

HOOKS_SECONDS: Final = 600.0
"""How long the tasks of one phase of hooks may take together."""


def conclude(step: Step) -> bool:
    """Go on to the next phase, or end the run, if the last task of its phase has ended.

    Returns whether a phase has begun, whose first tasks are now ready.
    """
    run, execution = step.run, step.execution
    if run.state is not RunState.RUNNING or execution.open:
        return False
    if run.phase is Phase.MAIN:
        _fix_outcome(step)
    else:
        _note_hooks(step)
    assert run.outcome is not None
    following = None if run.forced else execution.graph.after(execution.stage, run.outcome)
    if following is None:
        _end(step)
        return False
    _enter(step, following)
    return True


def _fix_outcome(step: Step) -> None:
    run = step.run
    if step.execution.failed:
        first = run.tasks[step.execution.failed[0]]
        why = first.message or str(first.reason or "")
        _decide(step, RunState.FAILED, Reason.TASK_FAILED, f"task '{first.task}' failed" + (f": {why}" if why else ""))
    elif run.stop is Reason.TIMEOUT:
        _decide(step, RunState.FAILED, Reason.TIMEOUT, run.message)
    elif run.stop is not None:
        _decide(step, RunState.CANCELLED, run.stop, run.message)
    else:
        try:
            run.outputs = _outputs(step)
            _decide(step, RunState.SUCCEEDED, None, "")
        except ExpressionError as error:
            _decide(step, RunState.FAILED, Reason.INVALID_OUTPUT, f"{run.workflow.path}: outputs: {error}")


def _decide(step: Step, outcome: RunState, reason: Reason | None, message: str) -> None:
    step.run.outcome, step.run.reason, step.run.message = outcome, reason, message
    step.touch_run()


def _note_hooks(step: Step) -> None:
    """R9: hooks that failed, or were stopped, turn a success into a failure and nothing else."""
    run, failed = step.run, step.execution.failed
    if run.outcome is not RunState.SUCCEEDED or not (failed or run.stop):
        return
    first = run.tasks[failed[0]] if failed else None
    what = (
        f"task '{first.task}' of '{step.execution.stage}' failed" if first else f"'{step.execution.stage}' was stopped"
    )
    why = (first.message or str(first.reason or "")) if first else str(run.stop)
    _decide(step, RunState.FAILED, Reason.HOOK_FAILED, f"{what}: {why}")


def _enter(step: Step, stage: Stage) -> None:
    """R8: begin with the tasks of the next phase."""
    run = step.run
    run.phase, run.stop = phase_of(stage), None
    step.execution.enter(stage)
    step.touch_run()
    due = step.now + timedelta(seconds=HOOKS_SECONDS)
    step.signal("hooks_timeout", due, f"hooks_timeout:{run.id}:{run.phase}", phase=str(run.phase))
    step.ready.extend(name for name, unmet in step.execution.unmet.items() if unmet == 0)


def _end(step: Step) -> None:
    run = step.run
    assert run.outcome is not None
    if run.outcome is RunState.SUCCEEDED and run.outputs is None:  # the run was loaded again during its hooks
        run.outputs = _outputs(step)
    finish(step, run.outcome, run.reason, run.message)


def _outputs(step: Step) -> dict[str, Any]:
    lookup = task_lookup(step.execution, None)
    outputs: dict[str, Any] = step.execution.graph.evaluator.resolve(
        Field.WORKFLOW_OUTPUT, step.run.workflow.outputs, lookup
    )
    return outputs


def finish(step: Step, state: RunState, reason: Reason | None, message: str) -> None:
    """End the run: terminal is final."""
    step.move_run(state, reason, message)
    step.run.finished_at = step.now
    step.changes.ended = True
