"""Tasks whose pool does not serve their kind: a check against what the installation promises, made at sync."""

from collections.abc import Collection, Iterator, Mapping

import msgspec

from dsl.diagnostics import Diagnostic, Fault, Span, diagnostic, in_order
from dsl.loader import LoadedWorkflow, LoadResult
from dsl.model import ENGINE_KINDS, Task, Workflow

PoolKinds = Mapping[str, Collection[str]]
"""The kinds that each pool promises; a pool that is not named promises nothing and lacks nothing."""


def refuse_lacking(loaded: LoadResult, pool_kinds: PoolKinds) -> LoadResult:
    """Return the result without the workflows of files that have a task of a kind its pool lacks, and say which."""
    if not pool_kinds:
        return loaded
    found = [fault for item in loaded.workflows for fault in _lacking(item, pool_kinds)]
    if not found:
        return loaded
    refused = {item.file for item in found}
    return msgspec.structs.replace(
        loaded,
        workflows=tuple(item for item in loaded.workflows if item.file not in refused),
        diagnostics=in_order([*loaded.diagnostics, *found]),
        refused=loaded.refused | refused,
    )


def _lacking(loaded: LoadedWorkflow, pool_kinds: PoolKinds) -> Iterator[Diagnostic]:
    for task in _tasks(loaded.workflow):
        kinds = pool_kinds.get(task.pool)
        if kinds is None or task.kind in kinds or task.kind in ENGINE_KINDS:
            continue
        able = sorted(pool for pool, served in pool_kinds.items() if task.kind in served)
        hint = f"pools that do: {', '.join(able)}" if able else "no declared pool does; ask whoever runs the workers"
        message = f"task '{task.id}' is of kind '{task.kind}', which the pool '{task.pool}' does not serve"
        yield diagnostic(Fault("E0360", message, Span(task.line, 1, task.line, 2), hint), loaded.file)


def _tasks(workflow: Workflow) -> Iterator[Task]:
    for stage in (workflow.tasks, workflow.on_failure, workflow.on_success, workflow.finally_):
        yield from stage.values()
