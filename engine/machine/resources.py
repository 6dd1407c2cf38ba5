"""What a run or a task takes of limited resources: its turn, locks, slots."""

from dsl.model import Task
from engine.machine.changes import Acquire, Want
from engine.machine.model import Run, TaskRun
from engine.machine.states import Reason, RunState, TaskState
from engine.machine.step import Step


def wants_of_run(run: Run) -> tuple[Want, ...]:
    """Return what a run holds from start to end."""
    concurrency = run.workflow.concurrency
    turn: tuple[Want, ...] = ()
    if run.concurrency_resource is not None and concurrency is not None:
        turn = (Want(run.concurrency_resource, 1, concurrency.limit),)
    return (*turn, *_wants(run.workflow.namespace, run.workflow.locks, run.workflow.slots))


def wants_of_task(run: Run, task: Task) -> tuple[Want, ...]:
    """Return what each task run of a task holds from start to end, retries included."""
    return _wants(run.workflow.namespace, task.locks, task.slots) if task.locks or task.slots else ()


def acquire_for_run(step: Step, wants: tuple[Want, ...]) -> None:
    """R3: ask for the run's turn, and for its locks and slots.

    A run of a backfill waits behind all others, whatever the overlap: it is neither skipped nor cancels anybody.
    """
    run = step.run
    concurrency = run.workflow.concurrency
    named = f"at most {concurrency.limit} may run at once" if concurrency is not None else _named(wants)
    run.reason, run.message = Reason.CONCURRENCY, f"waits for its turn: {named}"
    background = run.backfill_id is not None
    overlap = str(concurrency.overlap) if concurrency is not None and not background else "queue"
    step.changes.acquires.append(Acquire(wants, overlap=overlap, background=background))
    step.touch_run()


def acquire_for_task(step: Step, task_run: TaskRun, wants: tuple[Want, ...]) -> None:
    """T4: ask for a task run's locks and slots."""
    step.move(task_run, TaskState.WAITING, Reason.LOCK, f"waits for {_named(wants)}")
    step.changes.acquires.append(Acquire(wants, task_run.id))


def fenced(run: Run, task: Task) -> bool:
    """Whether an attempt must not outlive its lease, since something is held for it."""
    return run.state is RunState.RUNNING and bool(wants_of_run(run) or task.locks or task.slots)


def _wants(namespace: str, locks: tuple[str, ...], slots: dict[str, int]) -> tuple[Want, ...]:
    held = [Want(f"lock:{namespace}/{name}", 1, 1) for name in locks]
    return (*held, *(Want(f"slot:{name}", units) for name, units in slots.items()))


def _named(wants: tuple[Want, ...]) -> str:
    return ", ".join(want.resource.replace(":", " ", 1) for want in wants)
