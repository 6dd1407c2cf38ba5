"""Carries out one granted attempt: runner, log, result, spool."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from engine.broker.messages import Finished, Grant
from engine.clock import Clock
from workers.held import Held
from workers.log_shipper import LogShipper
from workers.logs import AttemptLog
from workers.outbox import Outbox
from workers.runners.interface import Attempt, Recovering, Result, Runner, RunnerError, StopToken
from workers.session import Session
from workers.spool import Entry, Spool

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
    clock: Clock

    def carry_out(self, grant: Grant, entry: Entry, *, resumed: bool) -> None:
        """Run the attempt to its end and hand its result to the outbox."""
        runner = self.runners.get(grant.kind)
        stop = StopToken()
        self.held.running(grant.claim_id, stop, fenced=grant.fenced)
        started_at = self.clock()
        attempt: Attempt | None = None
        sink = self.shipper.open(entry, durable=isinstance(runner, Recovering) and runner.resumes)
        if runner is None:
            result = Result.failed("runner_error", f"this worker does not offer the kind '{grant.kind}'")
        elif grant.fenced and not self.session.fresh:
            result = Result.failed("lost", "not started: the worker's lease had run out")
        else:
            attempt = self._attempt(runner, grant, entry, resumed=resumed)
            result = self._run(runner, attempt, sink, stop)
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
            started_at=started_at,
            finished_at=self.clock(),
        )
        self.outbox.send(entry, finished, batches)
        if attempt is not None and isinstance(runner, Recovering):
            runner.kept(attempt)

    def give_up(self, entry: Entry) -> None:
        """Forget an attempt of an earlier process; its runner's sweep removes what is left of it."""
        self.shipper.forget(entry.record.claim_id)
        self.held.drop(entry.record.claim_id)
        entry.remove()

    def _attempt(self, runner: Runner, grant: Grant, entry: Entry, *, resumed: bool) -> Attempt:
        deadline = self._deadline(grant, entry, resumed=resumed)
        if isinstance(runner, Recovering):
            entry.begin()  # the others leave nothing behind that a later process could find
        return Attempt(
            name=grant.attempt,
            claim_id=grant.claim_id,
            kind=grant.kind,
            spec=grant.spec,
            env=grant.env,
            outputs=grant.outputs,
            grace_seconds=grant.grace_seconds,
            timeout_seconds=grant.timeout_seconds,
            deadline=deadline,
            resumed=resumed,
            log_position=entry.record.log_position,
            journal=entry,
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

    def _run(self, runner: Runner, attempt: Attempt, sink: AttemptLog, stop: StopToken) -> Result:
        try:
            return runner.run(attempt, sink, stop)
        except RunnerError as error:
            return Result.failed("runner_error", str(error))
        except Exception as error:
            # Runners come from other packages too; whatever one raises ends its attempt, never the slot.
            log.exception("the runner of kind %s failed on attempt %s", attempt.kind, attempt.name)
            return Result.failed("runner_error", f"the runner failed: {type(error).__name__}: {error}")
