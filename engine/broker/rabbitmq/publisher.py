"""Publishing with outstanding confirms, and replies without any."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pika

from engine.broker.interface import Outcome
from engine.broker.rabbitmq.link import Link
from engine.broker.rabbitmq.topology import BROADCASTS, arguments

WAITING_MAX: Final = 200_000
_PERSISTENT: Final = 2
_BATCH: Final = 500

OnOutcome = Callable[[int, Outcome], None]


@dataclass(slots=True)
class _Letter:
    exchange: str
    key: str
    body: bytes
    index: int
    on_outcome: OnOutcome | None
    returned: bool = False

    def tell(self, outcome: Outcome) -> None:
        if self.on_outcome is not None:
            self.on_outcome(self.index, outcome)


class Publisher:
    """A channel with confirms and one without, on one connection.

    What is published waits in order until the I/O thread takes it; confirms are tracked, not waited for. When the
    connection goes, everything outstanding has failed: the database knows what to send again.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._lock = threading.Lock()
        self._waiting: deque[_Letter] = deque()
        self._scheduled = False
        self._confirmed: Any = None
        self._plain: Any = None
        self._declared: set[str] = set()
        self._outstanding: dict[int, _Letter] = {}
        self._tag = 0
        link.attach(self._opened, self._lost)

    def publish(self, queue: str, bodies: Sequence[bytes], on_outcome: OnOutcome | None) -> None:
        """Hand over for publishing to a queue, persistent and mandatory."""
        self._hand_over([_Letter("", queue, body, index, on_outcome) for index, body in enumerate(bodies)])

    def reply(self, address: str, bodies: Sequence[bytes]) -> None:
        """Send to a reply address: neither stored, confirmed nor mandatory."""
        self._link.call(lambda _: self._send_plain("", address, bodies))

    def broadcast(self, pool: str, body: bytes) -> None:
        """Say to everybody who listens to the pool."""
        self._link.call(lambda _: self._send_plain(BROADCASTS, pool, [body]))

    def _hand_over(self, letters: list[_Letter]) -> None:
        with self._lock:
            accepted = self._link.connected and len(self._waiting) + len(letters) <= WAITING_MAX
            if accepted:
                self._waiting.extend(letters)
                schedule, self._scheduled = not self._scheduled, True
            else:
                schedule = False
        if not accepted:
            _fail(letters)
        elif schedule and not self._link.call(self._flush):
            self._lost()

    def _opened(self, connection: Any) -> None:
        self._declared.clear()
        connection.channel(on_open_callback=self._confirming)
        connection.channel(on_open_callback=self._plainly)

    def _plainly(self, channel: Any) -> None:
        channel.exchange_declare(BROADCASTS, exchange_type="direct", durable=True)
        self._plain = channel

    def _confirming(self, channel: Any) -> None:
        channel.add_on_return_callback(self._on_return)
        channel.add_on_close_callback(self._on_channel_closed)
        self._tag = 0
        channel.confirm_delivery(self._on_confirm, callback=lambda _: self._ready(channel))

    def _ready(self, channel: Any) -> None:
        self._confirmed = channel
        self._flush(None)

    def _on_channel_closed(self, _channel: Any, _error: Any) -> None:
        self._forget()
        self._link.later(1.0, lambda connection: connection.channel(on_open_callback=self._confirming))

    def _lost(self) -> None:
        self._plain = None
        self._forget()
        with self._lock:
            waiting, self._waiting = list(self._waiting), deque()
            self._scheduled = False
        _fail(waiting)

    def _forget(self) -> None:
        self._confirmed = None
        outstanding, self._outstanding = self._outstanding, {}
        _fail(outstanding.values())

    def _flush(self, _connection: Any) -> None:
        """Publish what waits, a batch at a time, so that acknowledgements and heartbeats get their turn."""
        if self._confirmed is None or self._link.blocked:
            self._link.later(0.05, self._flush)
            return
        with self._lock:
            batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            self._scheduled = bool(self._waiting)
        for letter in batch:
            self._send(letter)
        if self._scheduled:
            self._link.call(self._flush)

    def _send(self, letter: _Letter) -> None:
        if letter.key.startswith("tasks.") and letter.key not in self._declared:  # a pool may be new; the rest is there
            self._declared.add(letter.key)
            wanted = arguments(letter.key, self._link.major_version)
            self._confirmed.queue_declare(letter.key, durable=True, arguments=wanted)
        self._tag += 1
        self._outstanding[self._tag] = letter
        properties = pika.BasicProperties(delivery_mode=_PERSISTENT, message_id=str(self._tag))
        self._confirmed.basic_publish(letter.exchange, letter.key, letter.body, properties, mandatory=True)

    def _send_plain(self, exchange: str, key: str, bodies: Sequence[bytes]) -> None:
        if self._plain is None or not self._plain.is_open:
            return
        for body in bodies:
            self._plain.basic_publish(exchange, key, body)

    def _on_return(self, _channel: Any, _method: Any, properties: Any, _body: bytes) -> None:
        letter = self._outstanding.get(int(properties.message_id))
        if letter is not None:
            letter.returned = True

    def _on_confirm(self, frame: Any) -> None:
        method = frame.method
        if method.multiple:
            tags = [tag for tag in self._outstanding if tag <= method.delivery_tag]
        else:
            tags = [method.delivery_tag]
        acked = method.NAME == "Basic.Ack"
        for tag in tags:
            letter = self._outstanding.pop(tag, None)
            if letter is not None:
                letter.tell(Outcome.CONFIRMED if acked and not letter.returned else Outcome.FAILED)


def _fail(letters: Sequence[_Letter] | Any) -> None:
    for letter in letters:
        letter.tell(Outcome.FAILED)
