"""Why a task is taken over from an earlier run, or runs."""

from enum import StrEnum


class Verdict(StrEnum):
    """Why a task is taken over, or runs (again)."""

    REUSED = "reused"
    """Taken over: it is still valid, or nobody asked for it."""
    CHOSEN = "chosen"
    """The task from which everything is done again."""
    NEW = "new"
    """The earlier run did not come to it, or did not have it."""
    NOT_SUCCEEDED = "not_succeeded"
    DEFINITION_CHANGED = "definition_changed"
    INPUTS_CHANGED = "inputs_changed"
    """The values that its expressions use: inputs of the workflow, outputs and states of tasks upstream."""
    UPSTREAM_RUNS = "upstream_runs"
    """A task that it needs runs."""
    UNKNOWN_BASIS = "unknown_basis"
    """It ended before it was noted what its outputs rest on."""
