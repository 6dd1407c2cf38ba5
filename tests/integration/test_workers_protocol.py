"""A worker on the memory broker against a scripted engine: claims, results, leases, logs, drains, restarts."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.broker.interface import PARKED, events_queue, tasks_queue
from engine.broker.memory import MemoryBroker
from engine.broker.messages import Prepare, encode
from tests.unit.workers.engine_double import WAIT_SECONDS, EngineDouble
from workers.config import WorkerConfig
from workers.outbox import events_queue_of
from workers.runners.interface import Attempt, LogSink, Result, StopToken
from workers.worker import Worker

FAST: dict[str, Any] = {
    "heartbeat_seconds": 0.05,
    "ttl_seconds": 2.0,
    "resend_seconds": 0.1,
    "claim_repeat_seconds": (0.05,),
    "log_flush_seconds": 0.02,
    "goodbye_wait_seconds": 2.0,
}


class Scripted:
    """A runner that does what the attempt's spec says."""

    kinds = ("scripted", "other")

    def __init__(self) -> None:
        self.ran: list[str] = []

    def run(self, attempt: Attempt, sink: LogSink, stop: StopToken) -> Result:
        self.ran.append(attempt.name)
        for line in attempt.spec.get("says", ()):
            sink.line("stdout", line)
        if "raises" in attempt.spec:
            raise ValueError(attempt.spec["raises"])
        if attempt.spec.get("waits"):
            assert stop.wait(WAIT_SECONDS), "nobody stopped it"
            return stop.outcome(attempt.grace_seconds)
        return Result.succeeded(attempt.spec.get("gives"))

    def close(self) -> None:
        self.closed = True


class Bench:
    """One broker, one engine, and the workers that a test starts."""

    def __init__(self, directory: Path) -> None:
        self.broker = MemoryBroker()
        self.engine = EngineDouble(self.broker)
        self.directory = directory
        self.workers: list[Worker] = []

    def worker(self, runner: Any = None, **config: Any) -> Worker:
        settings = {"worker_id": "w", "state_dir": self.directory, "kinds": ("scripted",), "slots": 2, **FAST, **config}
        added = [runner or Scripted()] if settings["kinds"] != ("run",) else []
        worker = Worker(self.broker, WorkerConfig(**settings), added_runners=added)
        self.workers.append(worker)
        worker.start()
        return worker

    def ready(self, runner: Any = None, **config: Any) -> Worker:
        worker = self.worker(runner, **config)
        assert worker.wait_ready(WAIT_SECONDS)
        return worker

    def end(self, worker: Worker) -> None:
        worker.stop()
        assert worker.join(WAIT_SECONDS), "the worker did not end"
        self.workers.remove(worker)

    def spooled(self) -> list[str]:
        return sorted(path.name for path in (self.directory / "spool").iterdir())

    def close(self) -> None:
        self.engine.settle = self.engine.confirm_logs = self.engine.answer_heartbeats = True
        for worker in list(self.workers):
            self.end(worker)
        self.engine.close()
        self.broker.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


def eventually(engine: EngineDouble, condition: Callable[[], Any]) -> None:
    """Wait for something that the worker does after the engine has heard of it: looked at with each heartbeat."""
    engine.wait(condition)


def test_an_offer_is_claimed_run_and_settled(bench: Bench) -> None:
    bench.ready()
    name = bench.engine.offer("scripted", {"gives": {"n": "7"}, "says": ["hello"]}, outputs={"n": "integer"})
    result = bench.engine.result(name)
    assert (result.state, result.outputs, result.log_batches) == ("succeeded", {"n": 7}, 1)
    assert result.claim_id == bench.engine.granted[name].claim_id
    assert [line.text for line in bench.engine.log(name)] == ["hello"]
    eventually(bench.engine, lambda: bench.spooled() == [])
    assert bench.broker.depth(tasks_queue("default")) == 0


def test_the_hello_comes_first_and_offers_wait_for_its_answer(bench: Bench) -> None:
    bench.engine.answer_heartbeats = False
    worker = bench.worker()
    name = bench.engine.offer("scripted", {})
    bench.engine.wait(lambda: len(bench.engine.heartbeats) >= 2)
    assert not bench.engine.claims
    assert not worker.wait_ready(0)
    bench.engine.answer_heartbeats = True
    assert bench.engine.result(name).state == "succeeded"
    assert [beat.sequence for beat in bench.engine.heartbeats[:2]] == [1, 2]


def test_a_refused_hello_ends_the_worker_and_says_why(bench: Bench) -> None:
    bench.engine.refuse_sessions = "pool default wants the kind container"
    worker = bench.worker()
    assert worker.join(WAIT_SECONDS)
    assert worker.failure is not None
    assert "wants the kind container" in worker.failure
    assert bench.engine.claims == []


def test_an_unanswered_claim_is_repeated_with_its_id(bench: Bench) -> None:
    bench.ready()
    bench.engine.answer_claims = False
    name = bench.engine.offer("scripted", {})
    bench.engine.wait(lambda: len(bench.engine.claims) >= 3)
    assert {claim.claim_id for claim in bench.engine.claims} == {bench.engine.claims[0].claim_id}
    bench.engine.answer_claims = True
    assert bench.engine.result(name).claim_id == bench.engine.claims[0].claim_id


def test_a_claim_given_up_returns_the_offer(bench: Bench) -> None:
    bench.ready(claim_give_up_seconds=0.2)
    bench.engine.answer_claims = False
    name = bench.engine.offer("scripted", {})
    bench.engine.wait(lambda: len({claim.claim_id for claim in bench.engine.claims}) >= 2)
    bench.engine.answer_claims = True
    assert bench.engine.result(name).state == "succeeded"


def test_a_second_delivery_is_refused_and_runs_nothing(bench: Bench) -> None:
    runner = Scripted()
    bench.ready(runner)
    name = bench.engine.offer("scripted", {"waits": True})
    bench.engine.wait(lambda: name in bench.engine.granted)
    bench.engine.offer_again(name)
    bench.engine.wait(lambda: len(bench.engine.claims) == 2)
    bench.engine.stop(name)
    bench.engine.result(name)
    assert runner.ran == [name]


def test_a_result_is_sent_until_settled_and_held_meanwhile(bench: Bench) -> None:
    bench.ready()
    bench.engine.settle = False
    name = bench.engine.offer("scripted", {})
    bench.engine.wait(lambda: bench.engine.finished_count[name] >= 3)
    eventually(bench.engine, lambda: len(bench.spooled()) == 1)
    bench.engine.heartbeats.clear()
    bench.engine.wait(lambda: bench.engine.heartbeats)
    assert [held.attempt for held in bench.engine.heartbeats[0].held] == [name]
    bench.engine.settle = True
    eventually(bench.engine, lambda: bench.spooled() == [])
    bench.engine.heartbeats.clear()
    bench.engine.wait(lambda: bench.engine.heartbeats and bench.engine.heartbeats[-1].held == [])


def test_a_slot_does_not_wait_for_settled(bench: Bench) -> None:
    bench.ready(slots=1)
    bench.engine.settle = False
    for name in [bench.engine.offer("scripted", {}) for _ in range(5)]:
        bench.engine.result(name)
    eventually(bench.engine, lambda: len(bench.spooled()) == 5)


def test_outstanding_results_are_bounded(bench: Bench) -> None:
    runner = Scripted()
    bench.ready(runner, slots=1, outstanding_max=2)
    bench.engine.settle = False
    names = [bench.engine.offer("scripted", {}) for _ in range(4)]
    bench.engine.wait(lambda: all(bench.engine.finished_count[name] >= 3 for name in names[:2]))
    assert runner.ran == names[:2]
    bench.engine.settle = True
    for name in names:
        bench.engine.result(name)


def test_a_result_outlives_the_worker_and_is_named_in_the_next_hello(bench: Bench) -> None:
    bench.engine.settle = bench.engine.confirm_logs = False
    first = bench.ready(goodbye_wait_seconds=0.1)
    name = bench.engine.offer("scripted", {"says": ["kept"]})
    sent = bench.engine.result(name)
    bench.end(first)
    assert bench.engine.goodbyes == [], "a session that holds something does not say goodbye"
    bench.engine.finished.clear()
    bench.engine.batches.clear()
    bench.engine.heartbeats.clear()
    bench.engine.settle = bench.engine.confirm_logs = True
    second = bench.ready()
    again = bench.engine.result(name)
    assert [held.attempt for held in bench.engine.heartbeats[0].reattached] == [name]
    assert (again.claim_id, again.state, again.session) == (sent.claim_id, sent.state, second.session_id)
    assert [line.text for line in bench.engine.log(name)] == ["kept"]
    eventually(bench.engine, lambda: bench.spooled() == [])


def test_a_torn_spool_file_is_set_aside(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    spool = bench.directory / "spool"
    spool.mkdir()
    (spool / "torn.json").write_bytes(b'{"attempt": "')
    bench.ready()
    assert bench.spooled() == ["torn.json.unreadable"]
    assert "torn.json" in caplog.text


def test_logs_are_sent_again_until_confirmed_after_the_result_is_settled(bench: Bench) -> None:
    bench.ready()
    bench.engine.confirm_logs = False
    name = bench.engine.offer("scripted", {"says": ["one"]})
    bench.engine.result(name)
    bench.engine.batches.clear()
    bench.engine.wait(lambda: bench.engine.batches[name])
    eventually(bench.engine, lambda: len(bench.spooled()) == 1)
    bench.engine.confirm_logs = True
    eventually(bench.engine, lambda: bench.spooled() == [])


def test_a_pushed_stop_reaches_the_attempt(bench: Bench) -> None:
    bench.ready()
    name = bench.engine.offer("scripted", {"waits": True})
    bench.engine.wait(lambda: name in bench.engine.granted)
    bench.engine.stop(name, "cancelled_by_user")
    assert bench.engine.result(name).state == "cancelled"


def test_a_stop_in_a_heartbeats_answer_reaches_the_attempt(bench: Bench) -> None:
    bench.ready()
    name = bench.engine.offer("scripted", {"waits": True})
    bench.engine.wait(lambda: any(beat.held for beat in bench.engine.heartbeats))
    bench.engine.stops = list(bench.engine.heartbeats[-1].held)
    assert bench.engine.result(name).state == "cancelled"


def test_a_fenced_attempt_ends_before_the_lease_does_and_an_unfenced_one_goes_on(bench: Bench) -> None:
    bench.engine.ttl_seconds = 0.4
    bench.ready(ttl_seconds=0.4)
    fenced = bench.engine.offer("scripted", {"waits": True}, fenced=True)
    free = bench.engine.offer("scripted", {"waits": True})
    bench.engine.wait(lambda: {fenced, free} <= bench.engine.granted.keys())
    bench.engine.answer_heartbeats = False
    result = bench.engine.result(fenced)
    assert (result.state, result.reason) == ("failed", "lost")
    assert free not in bench.engine.finished
    bench.engine.stop(free)
    assert bench.engine.result(free).state == "cancelled"


def test_without_answers_for_long_everything_is_stopped(bench: Bench) -> None:
    bench.ready(orphan_seconds=0.3)
    name = bench.engine.offer("scripted", {"waits": True})
    bench.engine.wait(lambda: name in bench.engine.granted)
    bench.engine.answer_heartbeats = False
    assert bench.engine.result(name).reason == "lost"


def test_a_long_attempts_offer_is_acknowledged_early_and_the_slot_stays_closed(bench: Bench) -> None:
    worker = bench.ready(slots=1, ack_hold_seconds=0.1)
    name = bench.engine.offer("scripted", {"waits": True})
    bench.engine.wait(lambda: name in bench.engine.granted)
    eventually(bench.engine, lambda: worker._slots[0]._offer is not None and worker._slots[0]._offer._released)
    waiting = bench.engine.offer("scripted", {})
    assert bench.broker.depth(tasks_queue("default")) == 1
    assert waiting not in bench.engine.granted
    bench.engine.stop(name)
    assert bench.engine.result(waiting).state == "succeeded"


def test_a_runner_that_raises_fails_its_attempt_only(bench: Bench) -> None:
    bench.ready(slots=1)
    failed = bench.engine.result(bench.engine.offer("scripted", {"raises": "broken"}))
    assert (failed.state, failed.reason) == ("failed", "runner_error")
    assert "broken" in failed.message
    assert bench.engine.result(bench.engine.offer("scripted", {})).state == "succeeded"


@pytest.mark.parametrize("gives", [{"n": "many"}, {}, {"n": 1, "x": "y" * 70_000}])
def test_what_a_runner_gives_is_held_to_the_declared_outputs(bench: Bench, gives: dict[str, Any]) -> None:
    bench.ready()
    result = bench.engine.result(bench.engine.offer("scripted", {"gives": gives}, outputs={"n": "integer"}))
    assert (result.state, result.reason, result.outputs) == ("failed", "invalid_output", {})


def test_a_kind_that_is_not_offered_is_a_clear_failure(bench: Bench) -> None:
    bench.ready()
    result = bench.engine.result(bench.engine.offer("container", {"image": "x"}))
    assert result.reason == "runner_error"
    assert "container" in result.message


def test_what_is_no_offer_is_parked(bench: Bench) -> None:
    bench.ready(slots=1)
    bench.broker.publish(tasks_queue("default"), [b"rubbish"])
    assert bench.engine.result(bench.engine.offer("scripted", {})).state == "succeeded"
    assert bench.broker.depth(PARKED) == 1


def test_a_drain_lets_what_runs_end_and_takes_no_more(bench: Bench) -> None:
    worker = bench.ready(slots=1, goodbye_wait_seconds=WAIT_SECONDS)
    name = bench.engine.offer("scripted", {"waits": True})
    bench.engine.wait(lambda: name in bench.engine.granted)
    worker.drain()
    later = bench.engine.offer("scripted", {})
    bench.engine.wait(lambda: bench.engine.heartbeats[-1].draining)
    assert not worker.join(0)
    bench.engine.stop(name)
    assert worker.join(WAIT_SECONDS)
    bench.engine.wait(lambda: bench.engine.goodbyes)  # it is sent when the worker ends, and read a moment later
    assert [goodbye.session for goodbye in bench.engine.goodbyes] == [worker.session_id]
    assert later not in bench.engine.granted
    assert bench.broker.depth(tasks_queue("default")) == 1
    assert bench.spooled() == []


def test_stop_ends_what_runs_as_lost_and_closes_the_runners(bench: Bench) -> None:
    runner = Scripted()
    worker = bench.ready(runner)
    name = bench.engine.offer("scripted", {"waits": True})
    eventually(bench.engine, lambda: runner.ran == [name])
    worker.stop()
    assert worker.join(WAIT_SECONDS)
    assert bench.engine.finished[name].reason == "lost"
    assert runner.closed
    assert not [thread for thread in threading.enumerate() if thread.name in ("session", "log-shipper", "worker-link")]


def test_slots_are_dealt_out_over_pools(bench: Bench) -> None:
    bench.ready(pools=("default", "big"), slots=3)
    default = [bench.engine.offer("scripted", {"waits": True}) for _ in range(2)]
    big = bench.engine.offer("scripted", {"waits": True}, pool="big")
    bench.engine.wait(lambda: {*default, big} <= bench.engine.granted.keys())
    assert bench.engine.heartbeats[0].slots == 3
    assert bench.engine.heartbeats[0].pools == ["default", "big"]


class Pulling(Scripted):
    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []

    def prepare(self, image: str) -> None:
        self.fetched.append(image)


def test_a_prepare_is_answered_for_each_image(bench: Bench) -> None:
    runner = Pulling()
    bench.ready(runner)
    message = Prepare(namespace="n", workflow="w", revision_id="r", images=["a:1", "b:2"])

    def told() -> bool:
        if not bench.engine.prepared:  # a subscription made a moment ago may miss the first
            bench.broker.broadcast("default", encode(message))
        return {one.image for one in bench.engine.prepared} == {"a:1", "b:2"}

    bench.engine.wait(told)
    assert {one.error for one in bench.engine.prepared} == {""}
    assert {"a:1", "b:2"} == set(runner.fetched)


def test_events_of_one_run_go_to_one_queue() -> None:
    run_id = "01a2095e-400f-7615-9b95-e61734e976d4"
    queues = {events_queue_of(f"{run_id}-{n}:{n}") for n in range(50)}
    assert len(queues) == 1
    assert queues <= {events_queue(n) for n in range(16)}


def test_a_process_really_runs_and_its_log_arrives(bench: Bench) -> None:
    bench.ready(kinds=("run",), allow_processes=True)
    spec = {"script": "echo out; echo err >&2; echo n=3 >> $CHRONOVERSE_OUTPUT", "shell": "bash"}
    name = bench.engine.offer("run", spec, outputs={"n": "integer"})
    assert bench.engine.result(name).outputs == {"n": 3}
    assert sorted((line.stream, line.text) for line in bench.engine.log(name)) == [("stderr", "err"), ("stdout", "out")]
