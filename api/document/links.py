"""What can be asked next: OpenAPI links from an answer to the operations that take something of it."""

from collections.abc import Mapping
from typing import Any, Final

_RUN: Final = ("getRun", "listTaskRuns", "explainRun", "getLogs", "listArtifacts", "cancelRun", "retryRun", "rerunRun")
_BACKFILL: Final = ("getBackfill", "listBackfillTimes", "pauseBackfill", "resumeBackfill", "cancelBackfill")
_WORKFLOW: Final = ("getWorkflow", "listRevisions", "explainWorkflow", "resumeWorkflow")
_IN_PATH: Final = {"namespace": "$request.path.namespace", "name": "$request.path.name"}

_FOLLOWING: Final[Mapping[str, tuple[str, tuple[str, ...], Mapping[str, str]]]] = {
    "triggerRun": ("201", _RUN, {"run_id": "$response.body#/id"}),
    "retryRun": ("201", _RUN, {"run_id": "$response.body#/id"}),
    "rerunRun": ("201", _RUN, {"run_id": "$response.body#/id"}),
    "listRuns": ("200", _RUN, {"run_id": "$response.body#/items/0/id"}),
    "cancelRun": ("202", ("getRun", "explainRun"), {"run_id": "$request.path.run_id"}),
    "createBackfill": ("201", _BACKFILL, {"backfill_id": "$response.body#/id"}),
    "pauseWorkflow": ("200", _WORKFLOW, _IN_PATH),
    "declareSource": ("201", ("getSource", "listCommits", "removeSource"), {"name": "$response.body#/name"}),
}
"""Of an operation: the status whose answer leads on, what to, and with which parameters."""


def links(operation: str, known: set[str]) -> tuple[str, dict[str, Any]]:
    """Return the status of the answer that leads on and its links to known operations; no links: ("", {})."""
    if operation not in _FOLLOWING:
        return "", {}
    status, following, parameters = _FOLLOWING[operation]
    return status, {name: {"operationId": name, "parameters": dict(parameters)} for name in following if name in known}
