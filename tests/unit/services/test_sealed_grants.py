"""What becomes of a grant that names secrets, between the commit and the reply."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.broker.messages import Finished, decode
from engine.machine.changes import GrantAttempt, RefuseClaim, Settle
from engine.services.executor.sealed_grants import SealedGrants
from engine.services.secrets import Found
from engine.services.wakes import queue_of
from engine.store.errors import RetryableError
from tests.unit.machine.play import RUN_ID, Play, task

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Published:
    def __init__(self) -> None:
        self.messages: list[tuple[str, Any]] = []

    def publish(self, queue: str, bodies: list[bytes], *_: object) -> None:
        self.messages += [(queue, decode(body)) for body in bodies]


class Given:
    def __init__(self, **values: str) -> None:
        self.values = values

    def read(self, namespace: str, names: Collection[str]) -> Found:
        assert namespace == "default"
        found = {name: self.values[name] for name in names if name in self.values}
        return Found(found, {name: f"there is no secret {name}" for name in names if name not in found})


class Away:
    def read(self, *_: object) -> Found:
        raise RetryableError("the database is away")


def grant(expression: str = "secrets.T", **fields: Any) -> GrantAttempt:
    return Play(task("a", env={"T": "${{ " + expression + " }}"}, secrets=("T",), **fields)).grant("a")


@pytest.fixture
def broker() -> Published:
    return Published()


def opener(broker: Published, secrets: object) -> SealedGrants:
    return SealedGrants(broker, secrets)  # type: ignore[arg-type]


def test_values_and_masks_go_into_the_grant(broker: Published) -> None:
    (opened,) = opener(broker, Given(T="hunter22")).open([grant()], NOW)
    assert isinstance(opened, GrantAttempt)
    assert (opened.env["T"], opened.masks, opened.sealed) == ("hunter22", ("hunter22",), None)
    assert broker.messages == []


def test_the_password_of_a_login_is_masked_by_itself_too(broker: Published) -> None:
    for value in ('{"username": "me", "password": "hunter22"}', "me:hunter22"):
        one = Play(task("a", kind="container", spec={"image": "i", "registry": "T"}, secrets=("T",))).grant("a")
        (opened,) = opener(broker, Given(T=value)).open([one], NOW)
        assert isinstance(opened, GrantAttempt)
        assert opened.spec["registry"] == value
        assert opened.masks == (value, "hunter22")


@pytest.mark.parametrize(
    ("values", "expression", "reason"),
    [({}, "secrets.T", "secret"), ({"T": "hunter22"}, "int(secrets.T)", "expression")],
)
def test_what_cannot_be_made_ends_the_attempt(
    broker: Published, values: dict[str, str], expression: str, reason: str
) -> None:
    one = grant(expression)
    (refused,) = opener(broker, Given(**values)).open([one], NOW)
    assert refused == RefuseClaim(one.reply_to, one.attempt, one.claim_id, "ended")
    ((queue, finished),) = broker.messages
    assert queue == queue_of(RUN_ID)
    assert isinstance(finished, Finished)
    assert (finished.claim_id, finished.state, finished.reason) == (one.claim_id, "failed", reason)
    assert "hunter22" not in repr(finished)


def test_a_store_that_is_away_leaves_the_grant_to_the_next_claim(broker: Published) -> None:
    settle = Settle("reply", "a", "c")
    assert opener(broker, Away()).open([grant(), settle], NOW) == [settle]
    assert broker.messages == []
