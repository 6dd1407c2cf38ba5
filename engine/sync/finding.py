"""What a source's files would change: the one function behind both the sync, which carries it out, and `plan`."""

from dataclasses import replace
from functools import partial

from dsl.loader import LoadResult
from engine.store import revisions
from engine.store.connection import Connection
from engine.store.sources import SourceState
from engine.sync.budget import removals_allowed
from engine.sync.conditions import Findings
from engine.sync.loading import faulty_files, names_in
from engine.sync.plan import Plan, make_plan
from engine.sync.source import Rules, Snapshot


def find(
    connection: Connection,
    source: str,
    rules: Rules,
    snapshot: Snapshot,
    loaded: LoadResult,
    state: SourceState,
    behind: str = "",
) -> Findings:
    """Plan against what stands, and take out of the plan what may not be done.

    `loaded` is what the `snapshot` holds, `state` how the source stands; `behind` is as in `Findings`. Writes nothing.
    """
    faulty = faulty_files(loaded)
    names = {item.workflow.name for item in loaded.workflows}
    plan = make_plan(
        source,
        loaded.workflows,
        revisions.standing(connection, source, names),
        documents=partial(revisions.documents, connection),
        faulty=faulty,
        faulty_names=names_in(loaded, faulty),
    )
    faulty |= {item.file for item in plan.diagnostics}
    files = len(snapshot.files) + len(snapshot.faults)
    plan, waiting = _within_budget(plan, prune=rules.prune, approved=state.prune_approved == snapshot.version)
    return Findings(snapshot.version, files, faulty, plan, rules.policy, waiting, behind)


def _within_budget(plan: Plan, *, prune: bool, approved: bool) -> tuple[Plan, tuple[str, ...]]:
    live = len(plan.removed) + len(plan.changed) + len(plan.unchanged) + len(plan.held)
    over = len(plan.removed) > removals_allowed(live)
    if prune and (approved or not over):
        return plan, ()
    waiting = tuple(f"{item.namespace}/{item.name}" for item in plan.removed)
    return replace(plan, removed=()), waiting if prune else ()
