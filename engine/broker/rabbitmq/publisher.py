"""Publishing with outstanding confirms."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final

import pika

from engine.broker.interface import Outcome
from engine.broker.rabbitmq.channel import LastingChannel
from engine.broker.rabbitmq.link import Hooks, Link
from engine.broker.rabbitmq.topology import arguments

log = logging.getLogger(__name__)

HELD_BYTES_MAX: Final = 64 * 1024 * 1024
HELD_MESSAGES_MAX: Final = 200_000
"""What may wait or be unconfirmed; more has failed at once, so that a blocked broker cannot fill our memory."""
OUTSTANDING_MAX: Final = 4096
_BATCH: Final = 500
_PERSISTENT: Final = 2

OnOutcome = Callable[[int, Outcome], None]


@dataclass(slots=True, eq=False)
class _Letter:
    queue: str
    body: bytes
    index: int
    on_outcome: OnOutcome | None
    returned: bool = False

    def tell(self, outcome: Outcome) -> None:
        if self.on_outcome is None:
            return
        try:
            self.on_outcome(self.index, outcome)
        except Exception:  # a caller's fault must not end the I/O thread, on which all others depend
            log.exception("on_outcome failed for a message to %s", self.queue)


class Publisher:
    """A channel with confirms. What is published waits in order until the I/O thread sends it.

    Confirms are tracked, not waited for. When the connection goes, everything held has failed: the database knows
    what to send again.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._lock = threading.Lock()
        self._waiting: deque[_Letter] = deque()
        self._held_messages = 0
        self._held_bytes = 0
        self._up = False
        self._scheduled = False
        # Of the I/O thread alone:
        self._ready = False
        self._declared: set[str] = set()
        self._outstanding: dict[int, _Letter] = {}
        self._tag = 0
        self._lasting = LastingChannel(link, self._set_up, self._gone, self._schedule)
        link.attach(Hooks(self._opened, self._lost))
        self._lasting.open()

    def publish(self, queue: str, bodies: Sequence[bytes], on_outcome: OnOutcome | None) -> None:
        """Hand over for publishing to a queue, persistent and mandatory."""
        letters = [_Letter(queue, body, index, on_outcome) for index, body in enumerate(bodies)]
        size = sum(map(len, bodies))
        with self._lock:
            accepted = (
                self._up
                and self._held_messages + len(letters) <= HELD_MESSAGES_MAX
                and self._held_bytes + size <= HELD_BYTES_MAX
            )
            if accepted:
                self._waiting.extend(letters)
                self._held_messages += len(letters)
                self._held_bytes += size
        if accepted:
            self._schedule()
        else:
            _tell(letters, Outcome.FAILED)

    def _schedule(self) -> None:
        """Have `_flush` run soon, once for all that ask until then."""
        with self._lock:
            if self._scheduled or not self._waiting:
                return
            self._scheduled = self._link.call(self._flush)  # without a connection, `_lost` is about to be called

    def _opened(self, _connection: Any) -> None:
        with self._lock:
            self._up = True

    def _lost(self) -> None:
        """Fail what waits; what was sent has failed with its channel."""
        with self._lock:
            self._up = self._scheduled = False
            waiting, self._waiting = self._waiting, deque()
        self._settle(waiting, Outcome.FAILED)

    def _set_up(self, channel: Any) -> None:
        self._tag = 0
        self._declared.clear()
        channel.add_on_return_callback(self._on_return)
        channel.confirm_delivery(self._on_confirm, callback=lambda _: self._begin())

    def _begin(self) -> None:
        self._ready = True
        self._schedule()

    def _gone(self) -> None:
        self._ready = False
        outstanding, self._outstanding = self._outstanding, {}
        self._settle(outstanding.values(), Outcome.FAILED)

    def _flush(self, _connection: Any) -> None:
        """Send what waits, a batch at a time, so that confirms and heartbeats get their turn."""
        room = min(_BATCH, OUTSTANDING_MAX - len(self._outstanding))
        with self._lock:
            self._scheduled = False
            if not self._ready or self._link.blocked or room <= 0:
                return  # `_begin`, `unblocked` or a confirm will ask again
            letters = [self._waiting.popleft() for _ in range(min(room, len(self._waiting)))]
        batch = dict(enumerate(letters, self._tag + 1))
        self._tag += len(batch)
        self._outstanding.update(batch)
        for tag, letter in batch.items():
            self._send(tag, letter)
        self._schedule()

    def _send(self, tag: int, letter: _Letter) -> None:
        channel = self._lasting.current
        if channel is None:
            return  # it closed under us: `_gone` has told, or is about to
        if letter.queue.startswith("tasks.") and letter.queue not in self._declared:  # a pool may be new
            self._declared.add(letter.queue)
            wanted = arguments(letter.queue, self._link.major_version)
            channel.queue_declare(letter.queue, durable=True, arguments=wanted)
        properties = pika.BasicProperties(delivery_mode=_PERSISTENT, message_id=str(tag))
        channel.basic_publish("", letter.queue, letter.body, properties, mandatory=True)

    def _on_return(self, _channel: Any, _method: Any, properties: Any, _body: bytes) -> None:
        """Note what reached no queue; its confirm follows."""
        letter = self._outstanding.get(int(properties.message_id))
        if letter is not None:
            letter.returned = True
            self._declared.discard(letter.queue)  # somebody deleted it: the next one makes it again

    def _on_confirm(self, frame: Any) -> None:
        method = frame.method
        tags = [method.delivery_tag]
        if method.multiple:
            tags = list(takewhile(lambda tag: tag <= method.delivery_tag, self._outstanding))
        letters = [letter for tag in tags if (letter := self._outstanding.pop(tag, None)) is not None]
        if method.NAME != "Basic.Ack":
            self._settle(letters, Outcome.FAILED)
        else:
            self._settle([one for one in letters if not one.returned], Outcome.CONFIRMED)
            self._settle([one for one in letters if one.returned], Outcome.FAILED)
        self._schedule()

    def _settle(self, letters: Iterable[_Letter], outcome: Outcome) -> None:
        letters = list(letters)
        if letters:
            with self._lock:
                self._held_messages -= len(letters)
                self._held_bytes -= sum(len(letter.body) for letter in letters)
            _tell(letters, outcome)


def _tell(letters: Iterable[_Letter], outcome: Outcome) -> None:
    for letter in letters:
        letter.tell(outcome)
