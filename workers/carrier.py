"""Carries out one granted attempt: runner, log, result, spool."""

import logging
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from engine.broker.messages import Finished, Grant
from engine.clock import Clock
from workers.handover import Handover, Handovers
from workers.held import Held
from workers.log_shipper import LogShipper
from workers.logs import AttemptLog
from workers.masking import Masks
from workers.outbox import Outbox
from workers.outputs import OutputError, typed
from workers.runners.interface import Attempt, Recovering, Result, Runner, RunnerError, StopToken
from workers.session import Session
from workers.spool import Entry, Spool
from workers.telemetry import attempting, ended, environment_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """What all slots share. Called by each slot's thread."""

    runners: Mapping[str, Runner]
    held: Held
    spool: Spool
    shipper: LogShipper
    outbox: Outbox
    session: Session
    handovers: Handovers
    clock: Clock
    worker_id: str

    def carry_out(self, grant: Grant, entry: Entry, *, resumed: bool) -> None:
        """Run the attempt to its end and hand its result to the outbox."""
        with attempting(grant):
            self._carry_out(grant, entry, resumed=resumed)

    def _carry_out(self, grant: Grant, entry: Entry, *, resumed: bool) -> None:
        runner = self.runners.get(grant.kind)
        files = self.handovers.of(grant)
        attempt = self._attempt(grant, entry, files, resumed=resumed)
        started_at = self.clock()
        stop = self.held.running(grant.claim_id, fenced=grant.fenced)
        masks = Masks(grant.masks)
        sink = self.shipper.open(entry, durable=isinstance(runner, Recovering) and runner.resumes, masks=masks)
        result = _masked(self._result(runner, grant, attempt, sink, stop), masks)
        files.close()
        self.held.finished(grant.claim_id)
        log_batches, batches = self.shipper.end(sink, grant.claim_id)
        finished = Finished(
            attempt=grant.attempt,
            claim_id=grant.claim_id,
            session="",
            reply_to="",
            state=result.state,
            reason=result.reason,
            message=result.message,
            exit_code=result.exit_code,
            outputs=dict(result.outputs),
            log_batches=log_batches,
            artifacts=files.kept,
            started_at=started_at,
            finished_at=self.clock(),
        )
        self.outbox.send(entry, finished, batches)
        ended(grant, finished, entry.record.pool, self.worker_id)
        if isinstance(runner, Recovering):
            _kept(runner, attempt)

    def give_up(self, entry: Entry) -> None:
        """Forget an attempt of an earlier process; its runner's sweep removes what is left of it."""
        self.shipper.forget(entry.record.claim_id)
        self.held.drop(entry.record.claim_id)
        entry.remove()

    def _attempt(self, grant: Grant, entry: Entry, files: Handover, *, resumed: bool) -> Attempt:
        deadline = self._deadline(grant, entry, resumed=resumed)
        return Attempt(
            name=grant.attempt,
            claim_id=grant.claim_id,
            kind=grant.kind,
            spec=grant.spec,
            env=environment_of(grant),
            outputs=grant.outputs,
            grace_seconds=grant.grace_seconds,
            timeout_seconds=grant.timeout_seconds,
            deadline=deadline,
            resumed=resumed,
            log_position=entry.record.log_position,
            journal=entry,
            files=files,
        )

    def _deadline(self, grant: Grant, entry: Entry, *, resumed: bool) -> float | None:
        """Return the end of the timeout on the monotonic clock; a resumed attempt keeps the one it had."""
        if grant.timeout_seconds is None:
            return None
        known = entry.record.deadline_at if resumed else None
        if known is not None:
            return time.monotonic() + (known - self.clock()).total_seconds()
        entry.record.deadline_at = self.clock() + timedelta(seconds=grant.timeout_seconds)
        return time.monotonic() + grant.timeout_seconds

    def _result(
        self, runner: Runner | None, grant: Grant, attempt: Attempt, sink: AttemptLog, stop: StopToken
    ) -> Result:
        if runner is None:
            return Result.failed("runner_error", f"this worker does not offer the kind '{grant.kind}'")
        if grant.fenced and not self.session.fresh:
            return Result.failed("lost", "not started: the worker's lease had run out")
        try:
            if isinstance(runner, Recovering):
                attempt.journal.begin()  # the others leave nothing behind that a later process could find
            if not attempt.resumed and attempt.files is not None:
                attempt.files.fetch()
            return _checked(runner.run(attempt, sink, stop), grant)
        except RunnerError as error:
            return Result.failed("runner_error", str(error))
        except Exception as error:
            # Runners come from other packages too; whatever one raises ends its attempt, never the slot.
            # A traceback may quote the attempt's secrets, which the worker's own log must not show either.
            log.error(
                "the runner of kind %s failed on attempt %s: %s",
                attempt.kind,
                attempt.name,
                Masks(grant.masks).text("".join(traceback.format_exception(error))),
            )
            return Result.failed("runner_error", f"the runner failed: {type(error).__name__}: {error}")


def _checked(result: Result, grant: Grant) -> Result:
    """Return the result if its outputs are as declared, of bounded size, and JSON."""
    if result.state != "succeeded":
        return result
    try:
        return replace(result, outputs=typed(result.outputs, grant.outputs))
    except OutputError as error:
        return Result.failed("invalid_output", str(error), result.exit_code)


def _masked(result: Result, masks: Masks) -> Result:
    """Return the result without secrets: its message with them hidden, outputs that show one refused."""
    if not masks:
        return result
    for name, value in result.outputs.items():
        if masks.shown_in(name) or masks.shown_in(value):
            shown = masks.text(name)
            return Result.failed("invalid_output", f"output '{shown}' shows the value of a secret", result.exit_code)
    return replace(result, message=masks.text(result.message))


def _kept(runner: Recovering, attempt: Attempt) -> None:
    try:
        runner.kept(attempt)
    except Exception:
        # As above; what it could not remove, its sweep finds.
        log.exception("the runner of kind %s could not tidy up after attempt %s", attempt.kind, attempt.name)
