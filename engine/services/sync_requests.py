"""Wishes of processes that do not sync a source to those that do: to look at it now, and to plan.

A wish is broadcast, not stored. One to look that is lost costs the time to the next look, at most half a minute; one
whose answer is waited for is missed there, after seconds.
"""

import logging
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from functools import partial
from typing import TYPE_CHECKING

from engine.broker.interface import SYNCERS, Broker
from engine.broker.messages import PlanRef, SyncerAnswer, SyncNow, decode, encode
from engine.services.asking import Asked, AsksSyncer, NobodyToAsk, NotAnsweredError
from engine.services.packed_plans import packed
from engine.services.service import LoopService

if TYPE_CHECKING:
    from engine.services.plans import SourcePlan

log = logging.getLogger(__name__)

LISTEN_SECONDS: float = 60.0


def ask_for_sync(broker: Broker, source: str) -> bool:
    """Tell the syncers to look at a source now; return False, with nobody told, while the broker does not answer."""
    if not broker.connected:
        return False
    broker.broadcast(SYNCERS, encode(SyncNow(source=source)))
    return True


class SyncRequests(LoopService):
    """The loop of a syncing process that hears such wishes. `sync_now` takes the source's name.

    `syncer` does what is to be answered; where none of its sources is meant, another process answers, or nobody.
    """

    name = "sync requests"

    def __init__(self, broker: Broker, sync_now: Callable[[str], bool], syncer: AsksSyncer | None = None) -> None:
        super().__init__()
        self._broker = broker
        self._syncer = syncer or NobodyToAsk()
        self._inbox = broker.broadcasts([SYNCERS])
        self._sync_now = sync_now

    def interrupt(self) -> None:
        """Make a waiting turn return."""
        self._inbox.close()

    def turn(self) -> None:
        """Hear one wish, or nothing for a minute. What is for others, or cannot be read, is passed over."""
        body = self._inbox.get(LISTEN_SECONDS)
        if body is None:
            return
        try:
            message = decode(body)
        except ValueError as error:
            log.warning("a broadcast cannot be read and is passed over: %s", error)
            return
        match message:
            case SyncNow(reply_to=""):
                self._sync_now(message.source)
            case SyncNow():
                self._answer(message, self._syncer.look(message.source))
            case PlanRef():
                self._answer(message, self._syncer.plan(message.source, message.ref))
            case _:
                pass

    def _answer(self, message: SyncNow | PlanRef, asked: Asked) -> None:
        """Say that somebody is at it, and later what came of it; nothing for a source of others."""
        if asked.taken.exception() is None:
            self._reply(message, SyncerAnswer(request=message.request, taken=True))
            asked.done.add_done_callback(partial(self._done, message))

    def _done(self, message: SyncNow | PlanRef, done: "Future[SourcePlan | None]") -> None:
        self._reply(message, _answer_of(message.request, done))

    def _reply(self, message: SyncNow | PlanRef, answer: SyncerAnswer) -> None:
        self._broker.reply(message.reply_to, [encode(answer)])


def _answer_of(request: str, done: "Future[SourcePlan | None]") -> SyncerAnswer:
    try:
        plan = done.result()
        return SyncerAnswer(request=request, plan=b"" if plan is None else packed(plan))
    except NotAnsweredError as error:
        return SyncerAnswer(request=request, reason=error.reason, message=str(error))
    except CancelledError:
        return SyncerAnswer(request=request, reason="interrupted", message="who syncs the source has stopped")
