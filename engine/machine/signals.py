"""What a signal says: the event that each kind of it stands for."""

from collections.abc import Callable, Mapping
from typing import Any

from engine.machine.events import (
    Cancel,
    ChildEnded,
    Decided,
    Event,
    Full,
    Granted,
    HooksTimeout,
    Lost,
    Overdue,
    Refused,
    RunTimeout,
    TaskTimer,
)
from engine.machine.states import Reason, RunState

SIGNALS: Mapping[str, Callable[[dict[str, Any]], Event]] = {
    "granted": lambda payload: Granted(payload.get("task_run_id", "")),
    "refused": lambda payload: Refused(payload["message"], payload.get("task_run_id", "")),
    "full": lambda payload: Full(payload.get("message", "")),
    "cancel": lambda payload: Cancel(
        by=payload.get("by", ""),
        forced=payload.get("forced", False),
        reason=Reason(payload.get("reason", Reason.CANCELLED_BY_USER)),
    ),
    "run_timeout": lambda _: RunTimeout(),
    "hooks_timeout": lambda payload: HooksTimeout(payload["phase"]),
    "decided": lambda payload: Decided(**payload),
    "child_ended": lambda payload: ChildEnded(**{**payload, "state": RunState(payload["state"])}),
    "task_timer": lambda payload: TaskTimer(payload["task_run_id"], payload["attempt"]),
    "overdue": lambda payload: Overdue(payload["task_run_id"], payload["claim_id"]),
    "lost": lambda payload: Lost(payload["task_run_id"], payload["claim_id"], payload["session"]),
}
"""Every kind of signal, and the event it stands for."""
