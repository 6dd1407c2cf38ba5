"""One batch after another: read what has arrived, let the machine decide, commit once, then publish and acknowledge."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

from engine.broker.interface import EVENT_QUEUES, PARKED, Broker, Delivery, events_queue
from engine.clock import Clock, NewId, new_id, system_clock
from engine.machine.advance import advance
from engine.machine.changes import Changes, Command
from engine.machine.events import Broken, Claimed, Event, Start
from engine.machine.execution import Execution
from engine.machine.model import Run, attempt_name
from engine.machine.signals import SIGNALS
from engine.machine.states import RunState
from engine.services.executor.alarms import Alarms
from engine.services.executor.cache import Executions
from engine.services.executor.endings import Endings
from engine.services.executor.handing_on import HandingOn
from engine.services.executor.inbox import Inbox, Mail, strangers
from engine.services.executor.numbers import count
from engine.services.executor.outbox import Outbox
from engine.services.executor.questions import Questions
from engine.services.executor.sealed_grants import SealedGrants
from engine.services.executor.sessions import LiveSessions
from engine.services.executor.shares import Shares
from engine.services.executor.traces import tell
from engine.services.secrets import Secrets
from engine.services.service import LoopService
from engine.services.wakes import queue_of, wake
from engine.store.database import Database
from engine.store.endings import write_endings
from engine.store.errors import RetryableError, StoreError
from engine.store.parked import park
from engine.store.runs import CommitResult, WorkflowCache, Written, commit, load_runs
from engine.store.signals import due_signals
from engine.telemetry.instruments import BATCH_DURATION, BATCH_SIZE, CONFLICTS, PARKED_MESSAGES
from engine.telemetry.logs import about_run

log = logging.getLogger(__name__)

BATCH_EVENTS_MAX: Final = 500
RELOADS_MAX: Final = 5
IDLE_SECONDS: Final = 60.0


class Executor(LoopService):
    """The loop that owns run state. Any number may run: each events queue has one active consumer at a time."""

    name = "executor"

    def __init__(
        self,
        database: Database,
        broker: Broker,
        clock: Clock = system_clock,
        capacities: Mapping[str, int] | None = None,
        ids: NewId = new_id,
        secrets: Secrets | None = None,
        on_notices: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self._database = database
        self._broker = broker
        self._clock = clock
        self._executions = Executions()
        self._workflows = WorkflowCache()
        self._questions = Questions(database)
        self._endings = Endings(database)
        self._on_notices = on_notices
        self._capacities = capacities or {}
        self._outbox = Outbox(broker)
        self._handing_on = HandingOn(database, broker)
        self._sealed_grants = SealedGrants(broker, secrets)
        self._alarms = Alarms()
        self._sessions = LiveSessions(database, clock)
        queues = [events_queue(n) for n in range(EVENT_QUEUES)]
        self._consumer = broker.consume_all(queues, prefetch=BATCH_EVENTS_MAX)
        self._shares = Shares(database, self._consumer, clock, ids())

    @property
    def fault(self) -> str:
        """Why the executor is not well; empty when it is."""
        return super().fault or ("" if self._consumer.active else "executor: no events can arrive")

    def stop(self) -> None:
        """Finish the batch in hand and end. What is unacknowledged goes to another executor."""
        super().stop()
        self._consumer.close()
        try:
            self._shares.end()
        except StoreError as error:  # the row expires by itself
            log.debug("the executor's row stays until it expires: %s", error)

    def interrupt(self) -> None:
        """Make a waiting turn return."""
        self._consumer.wake()

    def turn(self) -> None:
        """Take one batch, or return when nothing came before the next alarm."""
        deliveries = self._consumer.get(BATCH_EVENTS_MAX, self._patience())
        begun = time.perf_counter()
        try:
            self.process(deliveries)
        except BaseException:
            self._consumer.requeue(deliveries)
            raise
        if deliveries:
            BATCH_SIZE.record(len(deliveries))
            BATCH_DURATION.record(time.perf_counter() - begun)
        self._keep_to_share()

    def _keep_to_share(self) -> None:
        """Leave surplus queues; what is in memory of their runs grows old from now on and is forgotten."""
        left = set(self._shares.look())
        if left:
            self._executions.drop_where(lambda run_id: queue_of(run_id) in left)

    def process(self, deliveries: list[Delivery]) -> None:
        """Carry out one batch: commit, publish, acknowledge.

        Raises what the store raises; then nothing is acknowledged, and what was changed in memory is forgotten.
        """
        inbox = Inbox.of(deliveries)
        for run_id in self._alarms.due(self._clock()):
            inbox.mail(run_id).woken = True
        self._outbox.resend(self._clock())
        self._set_aside(inbox)
        try:
            self._give_back(self._persist(inbox.by_run))
        except BaseException:
            for run_id in inbox.by_run:
                self._executions.drop(run_id)
            raise

    def _persist(self, by_run: dict[str, Mail]) -> dict[str, Mail]:
        """Apply and commit until nobody else's change is in the way; return the mail for which that did not come."""
        for _ in range(RELOADS_MAX):
            by_run = self._attempt(by_run)
            if not by_run:
                break
        return by_run

    def _attempt(self, by_run: dict[str, Mail]) -> dict[str, Mail]:
        """Apply and commit; return the mail of runs that somebody else changed meanwhile."""
        now = self._clock()
        unclaimed = self._outbox.unclaimed(now)
        batch, applied, answers = self._advance_all(by_run, now)
        born = self._answer_questions(batch, now)
        endings = self._endings.prepare(batch, now)
        if batch or unclaimed:
            try:
                with self._database.write() as connection:
                    written = Written(batch, applied, unclaimed, born, self._capacities)
                    result = commit(connection, written, now)
                    brought = [ending for run_id, ending in endings.items() if run_id in result.winners]
                    result.woken |= write_endings(connection, brought, now)
            except RetryableError:
                for run_id in by_run:
                    self._executions.drop(run_id)
                return by_run
            self._settle(batch, result, now)
            if any(ending.notices for ending in endings.values()):
                self._on_notices()
        else:
            result = CommitResult()
        self._carry_out(answers, now)
        self._acknowledge(mail for run_id, mail in by_run.items() if run_id not in result.losers)
        return {run_id: by_run[run_id] for run_id in result.losers}

    def _advance_all(
        self, by_run: dict[str, Mail], now: datetime
    ) -> tuple[list[Changes], dict[str, list[int]], list[Command]]:
        """Return the changes to commit, the signals they apply, and the answers that need no commit."""
        signals = self._load(by_run, now)
        batch: list[Changes] = []
        answers: list[Command] = []
        for run_id, mail in by_run.items():
            if self._executions.get(run_id) is None:
                answers += strangers(mail.events)
                continue
            events = [*signals.get(run_id, {}).values(), *self._own_events(run_id, mail)]
            changes = self._advance(run_id, events, now)
            if changes.empty and run_id not in signals:
                answers += changes.commands
            else:
                batch.append(changes)
        return batch, {run_id: list(found) for run_id, found in signals.items()}, answers

    def _answer_questions(self, batch: list[Changes], now: datetime) -> dict[str, list[Run]]:
        """Apply the answers to what the changes ask for, until they ask no more; return the child runs to be born."""
        born: dict[str, list[Run]] = {}
        while asking := [changes for changes in batch if changes.lookups or changes.children]:
            answers, runs = self._questions.answer(asking, now)
            for run_id, children in runs.items():
                born.setdefault(run_id, []).extend(children)
            for changes in asking:
                try:
                    execution = self._executions.get(changes.run.id)
                    assert execution is not None
                    changes.absorb(advance(execution, answers[changes.run.id], now))
                except Exception as error:  # whatever it is, one run's fault must not stop the others
                    said = about_run(changes.run.id, changes.run.trace)
                    log.exception(
                        "run %s: the state machine failed on an answer; the run is failed", changes.run.id, extra=said
                    )
                    born.pop(changes.run.id, None)
                    batch[batch.index(changes)] = self._broken(changes.run.id, error, now)
        return born

    def _broken(self, run_id: str, error: Exception, now: datetime) -> Changes:
        """Fail a run as its rows have it (R10)."""
        return advance(self._reload(run_id), [Broken(f"{type(error).__name__}: {error}")], now)

    def _load(self, by_run: dict[str, Mail], now: datetime) -> dict[str, dict[int, Event]]:
        """Load what is not in memory, and the due signals of every run that is loaded or woken."""
        missing = {run_id for run_id in by_run if self._executions.get(run_id) is None}
        reading = [run_id for run_id, mail in by_run.items() if mail.woken or run_id in missing]
        claims = {event.session for mail in by_run.values() for event in mail.events if isinstance(event, Claimed)}
        self._sessions.look_up(claims)
        signals: dict[str, dict[int, Event]] = {}
        if not reading:
            return signals
        with self._database.read() as connection:
            for run in load_runs(connection, missing, self._workflows).values():
                self._executions.add(run)
            for row in due_signals(connection, reading, now):
                signals.setdefault(row.run_id, {})[row.id] = SIGNALS[row.kind](row.payload)
        return signals

    def _own_events(self, run_id: str, mail: Mail) -> list[Event]:
        execution = self._executions.get(run_id)
        assert execution is not None
        events: list[Event] = []
        if execution.run.state is RunState.QUEUED:
            events.append(Start())
        for event in mail.events:
            if isinstance(event, Claimed):
                self._outbox.claimed(attempt_name(event.task_run_id, event.attempt))
                events.append(self._sessions.mark(event))
            else:
                events.append(event)
        return events

    def _advance(self, run_id: str, events: list[Event], now: datetime) -> Changes:
        """Apply the events together; if that raises, one by one on a fresh copy; if that raises, fail the run (R10)."""
        execution = self._executions.get(run_id)
        assert execution is not None
        if execution.run.unreadable:
            events = [Broken(f"its revision cannot be run by this program: {execution.run.unreadable}"), *events]
        try:
            return advance(execution, events, now)
        except Exception:  # whatever it is, one run's fault must not stop the others
            text = "run %s: the state machine failed on %d events; they are tried one by one"
            log.exception(text, run_id, len(events), extra=about_run(run_id, execution.run.trace))
        execution = self._reload(run_id)
        try:
            changes = Changes(run=execution.run, seen_version=execution.run.version)
            for event in events:
                changes.absorb(advance(execution, [event], now))
            return changes
        except Exception as error:  # the second time: the run is ended, with what happened in its message
            said = about_run(run_id, execution.run.trace)
            log.exception("run %s: the state machine failed again; the run is failed", run_id, extra=said)
            return self._broken(run_id, error, now)

    def _reload(self, run_id: str) -> Execution:
        self._executions.drop(run_id)
        with self._database.read() as connection:
            return self._executions.add(load_runs(connection, [run_id], self._workflows)[run_id])

    def _settle(self, batch: list[Changes], result: CommitResult, now: datetime) -> None:
        """After the commit: take over the new versions, publish, and remember what falls due."""
        commands = []
        CONFLICTS.add(len(result.losers))
        for changes in batch:
            run_id = changes.run.id
            if run_id in result.losers:
                self._executions.drop(run_id)
                continue
            count(changes, now)
            tell(changes, now)
            self._executions.measure(run_id)
            commands += changes.commands
            for signal in changes.signals:
                self._alarms.set(signal.due_at, run_id)
            if changes.ended:
                self._executions.drop(run_id)
        self._carry_out(commands, now)
        wake(self._broker, result.woken)
        self._executions.trim()

    def _carry_out(self, commands: Iterable[Command], now: datetime) -> None:
        self._outbox.carry_out(self._sealed_grants.open(self._handing_on.fill(commands, now), now), now)

    def _acknowledge(self, mails: Iterable[Mail]) -> None:
        self._consumer.ack([delivery for mail in mails for delivery in mail.deliveries])

    def _set_aside(self, inbox: Inbox) -> None:
        """Park what nobody can read, and give back what another version wrote."""
        if inbox.unreadable:
            PARKED_MESSAGES.add(len(inbox.unreadable))
            with self._database.write() as connection:
                for delivery, error in inbox.unreadable:
                    log.error("a message on %s cannot be read and is parked: %s", delivery.queue, error)
                    park(connection, delivery.queue, delivery.body, error, self._clock())
            self._broker.publish(PARKED, [delivery.body for delivery, _ in inbox.unreadable])
            self._consumer.ack([delivery for delivery, _ in inbox.unreadable])
        if inbox.foreign:
            log.error("%d messages of another version are given back; is an upgrade under way?", len(inbox.foreign))
            self._consumer.requeue(inbox.foreign)

    def _give_back(self, by_run: dict[str, Mail]) -> None:
        if by_run:
            log.warning("%d runs changed under us %d times; their events are given back", len(by_run), RELOADS_MAX)
            self._consumer.requeue([delivery for mail in by_run.values() for delivery in mail.deliveries])

    def _patience(self) -> float:
        moments = [moment for moment in (self._alarms.next, self._outbox.next_look()) if moment is not None]
        patience = min(self._shares.patience(), IDLE_SECONDS)
        if not moments:
            return patience
        return min(max((min(moments) - self._clock()).total_seconds(), 0.0), patience)
