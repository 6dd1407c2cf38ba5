"""Approvals that wait, and answers to them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self

from msgspec import Meta

from api.schemas.base import Answer, Ask
from api.schemas.workflows import WorkflowName

if TYPE_CHECKING:  # the command line reads these types, and must not load the store for them
    from engine.store.reads_tasks import OpenApproval


class Approval(Answer, frozen=True, kw_only=True):
    """A task run that waits for a person. After `due_at` what the workflow says happens without one."""

    run: str
    workflow: WorkflowName
    task: str
    key: str
    message: str
    asked_at: datetime | None
    due_at: datetime | None

    @classmethod
    def of(cls, row: "OpenApproval") -> Self:
        """Return the approval of a row."""
        return cls(
            run=row.run_id,
            workflow=WorkflowName(namespace=row.namespace, name=row.workflow),
            task=row.task,
            key=row.key,
            message=row.message,
            asked_at=row.asked_at,
            due_at=row.due_at,
        )


class ApprovalPage(Answer, frozen=True, kw_only=True):
    """Approvals that wait, the oldest runs first."""

    items: list[Approval]
    next: str | None


class DecisionRequest(Ask, frozen=True, kw_only=True):
    """A person's answer."""

    approved: bool
    comment: Annotated[str, Meta(max_length=2000)] = ""
