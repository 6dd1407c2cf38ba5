"""A2 to A8: one claim holds an attempt, one result counts."""

from dataclasses import replace

from dsl.model import Input, Retry, ValueType
from engine.machine.changes import GrantAttempt, RefuseClaim, Settle, StopAttempt
from engine.machine.events import Ended, Lost, Overdue
from engine.machine.states import AttemptState, Reason, TaskState
from tests.unit.machine.play import Play, task


def test_a_grant_carries_what_the_worker_needs() -> None:
    play = Play(
        task("a", env={"DAY": "${{ inputs.day }}", "N": "1"}, timeout_seconds=30.0),
        inputs={"day": "2026-05-01"},
        declared={"day": Input(type=ValueType.DATE, required=True)},
        env={"N": "0", "LEVEL": "info"},
    )
    grant = play.grant("a")
    assert grant.spec == {"script": "true"}
    assert grant.env["DAY"] == "2026-05-01"
    assert (grant.env["N"], grant.env["LEVEL"]) == ("1", "info")
    assert grant.env["CHRONOVERSE_TASK"] == "a"
    assert grant.env["CHRONOVERSE_ATTEMPT"] == "1"
    assert grant.timeout_seconds == 30
    assert play.run.tasks["a"].deadline_at is not None


def test_the_same_claim_gets_the_same_grant_without_a_write() -> None:
    play = Play(task("a"))
    first = play.claim("a")
    granted = play.commands[-1]
    changes = play.send(first)
    assert changes.empty
    assert changes.commands == [granted]


def test_another_claim_is_refused_while_the_first_holds() -> None:
    play = Play(task("a"))
    play.claim("a")
    play.claim("a", session="s2")
    refusal = play.commands[-1]
    assert isinstance(refusal, RefuseClaim)
    assert refusal.reason == "held"
    assert play.run.tasks["a"].session == "s1"


def test_a_claim_of_a_session_that_is_not_live_is_refused() -> None:
    play = Play(task("a"))
    play.claim("a", session_live=False)
    assert isinstance(play.commands[-1], RefuseClaim)
    assert play.state("a") is TaskState.QUEUED


def test_a_claim_of_an_earlier_attempt_is_refused_as_ended() -> None:
    play = Play(task("a", retry=Retry(max_attempts=2)))
    play.fail("a")
    play.claim("a", attempt=1)
    refusal = play.commands[-1]
    assert isinstance(refusal, RefuseClaim)
    assert refusal.reason == "ended"


def test_a_new_session_that_resumes_takes_its_attempt_over() -> None:
    play = Play(task("a"))
    claim = play.claim("a")
    play.send(replace(claim, session="s2", reply_to="reply-s2"))
    assert isinstance(play.commands[-1], RefuseClaim)
    play.send(replace(claim, session="s2", reply_to="reply-s2", resume=True))
    assert isinstance(play.commands[-1], GrantAttempt)
    assert play.run.tasks["a"].session == "s2"


def test_a_result_counts_once_and_every_copy_is_settled() -> None:
    play = Play(task("a"), task("b", "a"))
    play.succeed("a")
    copy = Ended(play.run.tasks["a"].id, 1, "claim-1", "reply-s1", AttemptState.FAILED, Reason.EXIT)
    changes = play.send(copy)
    assert changes.empty
    assert [type(command) for command in changes.commands] == [Settle]
    assert play.state("a") is TaskState.SUCCEEDED
    assert len(play.attempts) == 1


def test_a_result_of_a_claim_that_does_not_hold_is_settled_and_ignored() -> None:
    play = Play(task("a"))
    play.claim("a")
    changes = play.send(Ended(play.run.tasks["a"].id, 1, "other", "reply-s2", AttemptState.SUCCEEDED))
    assert changes.empty
    assert play.state("a") is TaskState.RUNNING


def test_a_lost_attempt_is_retried_and_its_late_result_does_not_count() -> None:
    play = Play(task("a", retry=Retry(max_attempts=2)))
    play.claim("a")
    claim_id = play.run.tasks["a"].claim_id or ""
    play.lose("a")
    assert play.attempts[-1].reason is Reason.LOST
    assert play.run.tasks["a"].attempt == 2
    play.send(Ended(play.run.tasks["a"].id, 1, claim_id, "reply-s1", AttemptState.SUCCEEDED))
    assert play.state("a") is TaskState.QUEUED
    assert len(play.attempts) == 1


def test_a_loss_of_an_earlier_session_changes_nothing() -> None:
    play = Play(task("a"))
    claim = play.claim("a")
    assert play.send(Lost(play.run.tasks["a"].id, claim.claim_id, "s0")).empty
    assert play.send(Lost(play.run.tasks["a"].id, "other", claim.session)).empty


def test_an_overdue_attempt_fails_with_timeout_and_is_stopped() -> None:
    play = Play(task("a", timeout_seconds=1.0))
    claim = play.claim("a")
    changes = play.later(60).send(Overdue(play.run.tasks["a"].id, claim.claim_id))
    assert play.reason("a") is Reason.TIMEOUT
    assert next(command for command in changes.commands if isinstance(command, StopAttempt)).force
