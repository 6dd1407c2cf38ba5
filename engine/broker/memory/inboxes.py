"""Inboxes in memory: replies and broadcasts. Whoever sends does not wait; of too many, the oldest go."""

import threading
from collections import deque
from collections.abc import Callable, Sequence

from engine.broker.interface import INBOX_MESSAGES_MAX, BrokerError


class _Inbox:
    """Bodies that arrive, and one who waits for them."""

    def __init__(self, lock: threading.Lock) -> None:
        self._arrived = threading.Condition(lock)
        self._bodies: deque[bytes] = deque(maxlen=INBOX_MESSAGES_MAX)
        self._woken = False
        self._closed = False

    def get(self, timeout_seconds: float | None) -> bytes | None:
        """Return the next body, or None on time-out, on `wake` and when closed."""
        with self._arrived:
            self._arrived.wait_for(lambda: self._bodies or self._woken or self._closed, timeout_seconds)
            self._woken = False
            return self._bodies.popleft() if self._bodies else None

    def wake(self) -> None:
        """Make a waiting `get` return."""
        with self._arrived:
            self._woken = True
            self._arrived.notify_all()

    def close(self) -> None:
        """Close: what is sent from now on is lost. Idempotent."""
        with self._arrived:
            self._closed = True
            self._arrived.notify_all()

    @property
    def open(self) -> bool:
        """Whether anybody may still read it."""
        return not self._closed

    def put(self, bodies: Sequence[bytes]) -> bool:
        """Receive; return False when closed, to be forgotten. The lock is held."""
        if self._closed:
            return False
        self._bodies.extend(bodies)
        self._arrived.notify()
        return True


class MemoryReplies(_Inbox):
    """An inbox at an address; see `engine.broker.interface.Replies`."""

    def __init__(self, lock: threading.Lock, address: str, publish: Callable[[str, Sequence[bytes]], None]) -> None:
        super().__init__(lock)
        self._address = address
        self._publish = publish

    @property
    def address(self) -> str:
        """The address for `reply_to`. Raises `BrokerError` when closed."""
        if self._closed:
            raise BrokerError("the inbox is closed\n  hint: open another with replies()")
        return self._address

    def publish(self, queue: str, body: bytes) -> None:
        """Publish to a queue."""
        self._publish(queue, [body])


class MemoryBroadcasts(_Inbox):
    """A subscription; see `engine.broker.interface.Broadcasts`."""

    def __init__(self, lock: threading.Lock, pools: frozenset[str]) -> None:
        super().__init__(lock)
        self.pools = pools
