"""What the end of a run is worth telling, and to whom its workflow wants it told. Pure: who sends it is elsewhere."""

from collections.abc import Collection, Iterator, Sequence

from dsl.model import Workflow
from engine.machine.model import Run
from engine.machine.states import RunState


def told_of(run: Run, before: Sequence[str], *, resting: bool = False) -> tuple[set[str], str]:
    """Return the events that an ended run is, and why its workflow is put to rest; nothing where it is not.

    `before` are the states of the workflow's earlier runs that succeeded or failed, newest first; `resting` says that
    its triggers are paused already. A run of a backfill says nothing of how the workflow does now: neither is it a
    recovery, nor does it put the workflow to rest.
    """
    events = {str(run.state)}
    if run.backfill_id is not None:
        return events, ""
    if run.state is RunState.SUCCEEDED and list(before[:1]) == [RunState.FAILED]:
        events.add("recovered")
    limit = run.workflow.max_consecutive_failures
    ends = [str(run.state), *before] if run.state in {RunState.SUCCEEDED, RunState.FAILED} else list(before)
    if limit is None or resting or len(ends) < limit or set(ends[:limit]) != {RunState.FAILED}:
        return events, ""
    return {*events, "paused"}, f"{limit} runs failed one after another; the last was {run.id}"


def notices(workflow: Workflow, events: Collection[str]) -> Iterator[tuple[int, str]]:
    """Give the notices that are due, in the order of sending: the position in `notify`, and the event."""
    for position, notification in enumerate(workflow.notify):
        yield from ((position, event) for event in notification.on if event in events)
