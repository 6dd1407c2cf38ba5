"""One test of a workflow: what is given, and what must then be true. Times in seconds and aware moments."""

from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec

BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""When a run is asked for that says nothing of it."""


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """Base of everything here."""


class Result(Frozen, frozen=True, kw_only=True):
    """How an attempt, a child run, an approval ends."""

    state: Literal["succeeded", "failed", "lost", "cancelled"] = "succeeded"
    outputs: dict[str, Any] | None = None
    exit_code: int | None = None
    reason: str | None = None
    message: str = ""
    duration_seconds: float = 0.0
    cached: bool = False
    approved: bool | None = None
    by: str = ""
    comment: str = ""

    @property
    def failed(self) -> bool:
        """Whether it is no success."""
        return self.state != "succeeded" or bool(self.exit_code) or self.reason is not None


class ExpectedTask(Frozen, frozen=True, kw_only=True):
    """What must be true of a task, or of an item of a fan-out."""

    state: str | None = None
    reason: str | None = None
    message: str | None = None
    attempts: int | None = None
    items: int | None = None
    outputs: dict[str, Any] = {}
    env: dict[str, str] = {}
    inputs: dict[str, Any] = {}
    spec: dict[str, Any] = {}
    started_seconds: float | None = None


class Took(Frozen, frozen=True, kw_only=True):
    """Bounds of the simulated time that a run takes."""

    min_seconds: float | None = None
    max_seconds: float | None = None


class ExpectedNotice(Frozen, frozen=True, kw_only=True):
    """A notice that must be sent: of what, and how; `channel` and `to` are not looked at where they are None."""

    event: str
    channel: Literal["webhook", "email"] | None = None
    to: tuple[str, ...] | None = None


class Expected(Frozen, frozen=True, kw_only=True):
    """What must be true when the run has ended; None and empty are not looked at."""

    state: str | None = None
    reason: str | None = None
    message: str | None = None
    outputs: dict[str, Any] = {}
    inputs: dict[str, Any] = {}
    tasks: dict[str, ExpectedTask] = {}
    order: tuple[str, ...] = ()
    ran: tuple[str, ...] | None = None
    took: Took | None = None
    notifications: tuple[ExpectedNotice, ...] | None = None


class Case(Frozen, frozen=True, kw_only=True):
    """One test. `mocks` are the results of attempts, by task or `task[key]`; the last of several is repeated.

    `earlier` are the states of the runs before this one, newest first.
    """

    name: str
    expect: Expected
    line: int = 0
    description: str = ""
    at: datetime = BEGIN
    inputs: dict[str, Any] = {}
    trigger: dict[str, Any] = {}
    secrets: dict[str, str] = {}
    mocks: dict[str, tuple[Result, ...]] = {}
    cancel_after_seconds: float | None = None
    earlier: tuple[str, ...] = ()
