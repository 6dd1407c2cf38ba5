"""What people set against the source: a workflow that rests, is held at an older revision, or lives without its file.

Each but a pause changes the active revision together with its triggers, in one transaction, as a sync does. A sync
keeps to it: newer revisions of a pinned workflow are kept and not made active, a restored one is not archived again.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from dsl.model import Workflow, decode
from engine.broker.interface import Broker
from engine.clock import Clock, NewId
from engine.machine.model import Run
from engine.services.firing import Firings
from engine.services.making_runs import known
from engine.services.preparing import ask_for_images
from engine.services.refusals import ActionError, ConflictError, InvalidRangeError, UnknownError
from engine.services.revision_cache import RevisionCache
from engine.services.wakes import wake
from engine.store import activation, overrides, revisions
from engine.store.connection import Connection
from engine.store.database import Database
from engine.store.overrides import Account, Override
from engine.store.readiness import preparations
from engine.store.reads_workflows import RevisionRow, WorkflowRow, read_compiled, read_revision, read_workflow

log = logging.getLogger(__name__)

_Change = Callable[[Connection, WorkflowRow, datetime], str | None]
"""Changes a locked workflow's row; returns the revision to be made active, None to leave the one that is."""


class Overrides:
    """Pins, restores, and their ends. Every method may be called from any thread."""

    def __init__(self, database: Database, broker: Broker, cache: RevisionCache, clock: Clock, ids: NewId) -> None:
        self._database = database
        self._broker = broker
        self._clock = clock
        self._settle = Firings(cache, ids).settle
        self._complaints: set[str] = set()

    def pause(self, namespace: str, name: str, account: Account) -> WorkflowRow:
        """Stop a workflow's triggers; runs go on. Pausing again moves the end alone.

        Raises `UnknownError`, `InvalidRangeError` (an end that is past).
        """

        def change(connection: Connection, workflow: WorkflowRow, now: datetime) -> None:
            if not revisions.pause(connection, workflow.id, account.by, account.reason, now, account.until):
                overrides.pause_until(connection, workflow.id, account.until, now)

        return self._change(namespace, name, change, account)

    def pin(self, namespace: str, name: str, number: int, account: Account) -> WorkflowRow:
        """Hold a workflow at one of its revisions, until it is unpinned.

        Pinning again moves the pin. Raises `UnknownError` (workflow, revision), `ConflictError` (archived, or one
        that this program cannot run), `InvalidRangeError` (an end that is past).
        """

        def change(connection: Connection, workflow: WorkflowRow, now: datetime) -> str:
            if workflow.archived_at is not None:
                raise ConflictError(
                    f"workflow {namespace}/{name} was removed from its source\n  hint: restore it first"
                )
            revision = _revision(connection, workflow, number)
            overrides.pin(connection, workflow.id, number, account, now)
            return revision.id

        return self._change(namespace, name, change, account)

    def unpin(self, namespace: str, name: str) -> WorkflowRow:
        """Make the newest revision active again. Unpinning twice changes nothing. Raises `UnknownError`."""

        def change(connection: Connection, workflow: WorkflowRow, now: datetime) -> str | None:
            return None if workflow.pinned_revision is None else _unpinned(connection, workflow, now)

        return self._change(namespace, name, change)

    def restore(self, namespace: str, name: str, account: Account) -> WorkflowRow:
        """Bring a workflow that was removed from its source back, as it was last.

        It stays until its file is there again, or until it is taken back. Raises `UnknownError`, `ConflictError` (not
        removed, or never had a revision), `InvalidRangeError`.
        """

        def change(connection: Connection, workflow: WorkflowRow, now: datetime) -> str:
            if workflow.archived_at is None:
                raise ConflictError(f"workflow {namespace}/{name} was not removed: there is nothing to restore")
            if workflow.active_revision_id is None:
                raise ConflictError(f"workflow {namespace}/{name} never had a revision")
            overrides.restore(connection, workflow.id, account, now)
            return workflow.active_revision_id

        return self._change(namespace, name, change, account)

    def unrestore(self, namespace: str, name: str) -> WorkflowRow:
        """Let go of a restored workflow: it is archived again. Raises `UnknownError`, `ConflictError`."""

        def change(connection: Connection, workflow: WorkflowRow, now: datetime) -> None:
            if workflow.restored_at is None:
                raise ConflictError(f"workflow {namespace}/{name} was not restored: its source has it")
            revisions.archive(connection, [workflow.id], now)

        return self._change(namespace, name, change)

    def end(self) -> list[tuple[str, str, Override]]:
        """End what has come to its end; return what that was. Others may do so at the same time."""
        with self._database.read() as connection:
            found = overrides.ended(connection, self._clock())
        for namespace, name, kind in found:
            try:
                self._change(namespace, name, _ENDS[kind])
            except (ActionError, ValueError) as error:  # it must not hold up the others, and is tried again
                self._complain(f"the {kind} of {namespace}/{name} is over and could not be ended: {error}")
        return found

    def _complain(self, message: str) -> None:
        """Log it, the first time."""
        if message not in self._complaints:
            self._complaints.add(message)
            log.warning("%s", message)

    def _change(self, namespace: str, name: str, change: _Change, account: Account | None = None) -> WorkflowRow:
        now = self._clock()
        if account is not None and account.until is not None and account.until <= now:
            raise InvalidRangeError(f"the end {account.until.isoformat()} is past\n  hint: it is {now.isoformat()} now")
        runs: list[Run] = []
        activated: tuple[str, Workflow] | None = None
        with self._database.write() as connection:
            workflow = known(read_workflow(connection, namespace, name), namespace, name)
            paused = revisions.lock(connection, [workflow.id]).paused
            workflow = known(read_workflow(connection, namespace, name), namespace, name)
            wanted = change(connection, workflow, now)
            if wanted is not None:
                compiled = _runnable(connection, wanted, name)
                runs = activation.settle_changes(connection, {workflow.id: compiled.triggers}, now, self._settle)
                revisions.activate(connection, workflow.id, wanted, compiled, now)
                activation.write(connection, {workflow.id: compiled.triggers}, now, resting=paused)
                activated = wanted, compiled
            after = known(read_workflow(connection, namespace, name), namespace, name)
        if runs:
            wake(self._broker, [run.id for run in runs])
        if activated is not None:
            ask_for_images(self._broker, preparations(activated[1], activated[0]))
        return after


def _revision(connection: Connection, workflow: WorkflowRow, number: int) -> RevisionRow:
    found = read_revision(connection, workflow.id, number)
    if found is None:
        raise UnknownError(
            f"workflow {workflow.namespace}/{workflow.name} has no revision {number}\n"
            f"  hint: it has 1 to {workflow.revision_count}; chronoverse history shows them"
        )
    return found[0]


def _runnable(connection: Connection, revision_id: str, name: str) -> Workflow:
    number, _, compiled = read_compiled(connection, revision_id)
    try:
        return decode(compiled)
    except ValueError as error:
        raise ConflictError(f"revision {number} of {name} cannot be run by this program: {error}") from error


def _end_pause(connection: Connection, workflow: WorkflowRow, now: datetime) -> None:
    if _is_over(workflow.paused_until, now):
        revisions.resume(connection, workflow.id, now)


def _end_pin(connection: Connection, workflow: WorkflowRow, now: datetime) -> str | None:
    return _unpinned(connection, workflow, now) if _is_over(workflow.pinned_until, now) else None


def _end_restore(connection: Connection, workflow: WorkflowRow, now: datetime) -> None:
    if _is_over(workflow.restored_until, now):
        revisions.archive(connection, [workflow.id], now)


_ENDS: Final[Mapping[Override, _Change]] = {
    Override.PAUSE: _end_pause,
    Override.PIN: _end_pin,
    Override.RESTORE: _end_restore,
}


def _unpinned(connection: Connection, workflow: WorkflowRow, now: datetime) -> str:
    overrides.unpin(connection, workflow.id, now)
    return _revision(connection, workflow, workflow.revision_count).id


def _is_over(until: datetime | None, now: datetime) -> bool:
    """Whether an end has come; somebody may have moved it meanwhile."""
    return until is not None and until <= now
