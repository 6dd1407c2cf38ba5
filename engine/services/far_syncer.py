"""Asking the processes that sync, over the broker: wishes are broadcast, answers come to an inbox of this process.

Whoever syncs the source says at once that it is at it, so that a source that nobody syncs is told from one that takes
its time. Where several do, the first answer counts.
"""

import logging
import threading
from typing import Final

from engine.broker.interface import SYNCERS, Broker
from engine.broker.messages import PlanRef, SyncerAnswer, SyncNow, decode, encode
from engine.clock import NewId, new_id
from engine.services.asking import Asked, NotAnsweredError, nobody
from engine.services.packed_plans import unpacked
from engine.services.service import LoopService

log = logging.getLogger(__name__)

LISTEN_SECONDS: Final = 60.0


class FarSyncer(LoopService):
    """What an API process asks with; the loop hears the answers. See `AsksSyncer`."""

    name = "answers of syncers"

    def __init__(self, broker: Broker, ids: NewId = new_id) -> None:
        super().__init__()
        self._broker = broker
        self._ids = ids
        self._inbox = broker.replies()
        self._guard = threading.Lock()
        self._asked: dict[str, Asked] = {}

    def look(self, source: str) -> Asked:
        """Have a source looked at."""
        request = self._ids()
        return self._ask(source, request, SyncNow(source=source, request=request, reply_to=self._inbox.address))

    def plan(self, source: str, ref: str) -> Asked:
        """Have it planned what a ref would do."""
        request = self._ids()
        return self._ask(
            source, request, PlanRef(source=source, ref=ref, request=request, reply_to=self._inbox.address)
        )

    def forget(self, asked: Asked) -> None:
        """Wait for the answer no more."""
        with self._guard:
            self._asked = {request: one for request, one in self._asked.items() if one is not asked}

    def interrupt(self) -> None:
        """Make a waiting turn return."""
        self._inbox.close()

    def turn(self) -> None:
        """Hear one answer, or nothing for a minute."""
        body = self._inbox.get(LISTEN_SECONDS)
        if body is None:
            return
        try:
            answer = decode(body)
        except ValueError as error:
            log.warning("an answer cannot be read and is passed over: %s", error)
            return
        if isinstance(answer, SyncerAnswer):
            self._hear(answer)

    def _ask(self, source: str, request: str, message: SyncNow | PlanRef) -> Asked:
        if not self._broker.connected:
            return nobody(source)
        asked = Asked()
        with self._guard:
            self._asked[request] = asked
        self._broker.broadcast(SYNCERS, encode(message))
        return asked

    def _hear(self, answer: SyncerAnswer) -> None:
        with self._guard:
            asked = self._asked.get(answer.request)
            if asked is not None and not answer.taken:
                del self._asked[answer.request]
        if asked is None:
            return
        if not asked.taken.done():
            asked.taken.set_result(None)
        if not answer.taken:
            _settle(asked, answer)


def _settle(asked: Asked, answer: SyncerAnswer) -> None:
    if answer.reason:
        asked.done.set_exception(NotAnsweredError(answer.reason, answer.message))
        return
    try:
        asked.done.set_result(unpacked(answer.plan) if answer.plan else None)
    except ValueError as error:
        asked.done.set_exception(NotAnsweredError("failed", f"the answer cannot be read: {error}"))
