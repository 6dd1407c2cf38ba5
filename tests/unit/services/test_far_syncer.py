"""Asking over a broker: answers find who asked, and what is none disturbs nobody."""

from collections.abc import Iterator

import pytest

from engine.broker.interface import SYNCERS
from engine.broker.memory import MemoryBroker
from engine.broker.messages import PlanRef, SyncerAnswer, SyncNow, Wake, decode, encode
from engine.services.asking import Asked, NobodyError, NotAnsweredError
from engine.services.far_syncer import FarSyncer


@pytest.fixture
def broker() -> Iterator[MemoryBroker]:
    broker = MemoryBroker()
    yield broker
    broker.close()


def heard(far: FarSyncer, broker: MemoryBroker, *answers: bytes) -> None:
    for answer in answers:
        broker.reply(far._inbox.address, [answer])
        far.turn()


def asked(broker: MemoryBroker, far: FarSyncer, ref: str | None) -> tuple[Asked, SyncNow | PlanRef]:
    """What is asked, as it was broadcast."""
    listener = broker.broadcasts([SYNCERS])
    wish = far.look("flows") if ref is None else far.plan("flows", ref)
    message = decode(listener.get(1) or b"")
    assert isinstance(message, SyncNow | PlanRef)
    return wish, message


def test_each_answer_finds_its_own(broker: MemoryBroker) -> None:
    far = FarSyncer(broker)
    look, first = asked(broker, far, None)
    plan, second = asked(broker, far, "topic")
    assert isinstance(second, PlanRef)
    assert (second.source, second.ref, second.reply_to) == ("flows", "topic", first.reply_to)
    heard(far, broker, encode(SyncerAnswer(request=second.request, taken=True)))
    assert (look.taken.done(), plan.taken.done(), plan.done.done()) == (False, True, False)
    heard(far, broker, encode(SyncerAnswer(request=second.request, reason="ref_not_found", message="no topic")))
    with pytest.raises(NotAnsweredError, match="no topic"):
        plan.done.result(0)
    heard(far, broker, encode(SyncerAnswer(request=first.request)))
    assert (look.taken.result(0), look.done.result(0)) == (None, None)


def test_the_first_of_several_answers_counts_and_one_that_is_forgotten_none(broker: MemoryBroker) -> None:
    far = FarSyncer(broker)
    look, message = asked(broker, far, None)
    answer = encode(SyncerAnswer(request=message.request))
    heard(far, broker, answer, encode(SyncerAnswer(request=message.request, reason="failed", message="?")))
    assert look.done.result(0) is None
    forgotten, message = asked(broker, far, None)
    far.forget(forgotten)
    heard(far, broker, encode(SyncerAnswer(request=message.request)))
    assert not forgotten.done.done()


def test_what_is_no_answer_is_passed_over(broker: MemoryBroker) -> None:
    far = FarSyncer(broker)
    plan, message = asked(broker, far, "topic")
    heard(far, broker, b"?", encode(Wake(run_id="r")), encode(SyncerAnswer(request="another")))
    assert not plan.done.done()
    heard(far, broker, encode(SyncerAnswer(request=message.request, plan=b"?")))
    with pytest.raises(NotAnsweredError, match="cannot be read"):
        plan.done.result(0)


def test_without_a_broker_nobody_is_asked(broker: MemoryBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    far = FarSyncer(broker)
    monkeypatch.setattr(MemoryBroker, "connected", False)
    with pytest.raises(NobodyError, match="syncs source flows"):
        far.look("flows").taken.result(0)
