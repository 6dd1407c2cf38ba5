"""A wish to have a source looked at now, from a process that does not sync it to those that do.

The wish is a wake-up: broadcast, not stored. One that is lost costs the time to the next look, at most half a minute.
"""

import logging
from collections.abc import Callable

from engine.broker.interface import SYNCERS, Broker
from engine.broker.messages import SyncNow, decode, encode
from engine.services.service import LoopService

log = logging.getLogger(__name__)

LISTEN_SECONDS: float = 60.0


def ask_for_sync(broker: Broker, source: str) -> bool:
    """Tell the syncers to look at a source now; return False, with nobody told, while the broker does not answer."""
    if not broker.connected:
        return False
    broker.broadcast(SYNCERS, encode(SyncNow(source=source)))
    return True


class SyncRequests(LoopService):
    """The loop of a syncing process that hears such wishes. `sync_now` takes the source's name."""

    name = "sync requests"

    def __init__(self, broker: Broker, sync_now: Callable[[str], bool]) -> None:
        super().__init__()
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
        if isinstance(message, SyncNow):
            self._sync_now(message.source)
