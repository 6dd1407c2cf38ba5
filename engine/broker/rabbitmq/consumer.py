"""Pull views of queues: a channel for each queue, opened again whenever it is gone."""

import threading
from collections import deque
from collections.abc import Sequence
from itertools import count

from engine.broker.interface import Delivery
from engine.broker.rabbitmq.link import Link
from engine.broker.rabbitmq.queue_view import Place, QueueView, ack_all, requeue_all


class RabbitConsumer:
    """A consumer over one queue or several; see `engine.broker.interface.GroupConsumer`.

    Tags are our own and never used twice, so a delivery of a connection that is gone acknowledges nothing.
    """

    def __init__(self, link: Link, queues: Sequence[str], prefetch: int) -> None:
        self._link = link
        self._prefetch = prefetch
        self._lock = threading.Lock()
        self._ready = threading.Condition(self._lock)
        self._inbox: deque[Delivery] = deque()
        self._places: dict[int, Place] = {}
        self._numbers = count(1)
        self._woken = False
        self._closed = False
        self._heard: set[str] = set()
        self._views = {queue: QueueView(link, queue, prefetch, self) for queue in queues}
        for view in self._views.values():
            view.open()

    @property
    def active(self) -> bool:
        """Whether messages can arrive; false for a consumer that should be open and is not."""
        return not self._closed and self._link.connected and all(view.active for view in list(self._views.values()))

    @property
    def held(self) -> frozenset[str]:
        """Queues that have given us something since the last (re)connect."""
        with self._lock:
            return frozenset(self._heard & self._views.keys())

    def get(self, max_messages: int, timeout_seconds: float | None) -> list[Delivery]:
        """Return what is there, at most `max_messages`; wait for the first."""
        with self._ready:
            self._ready.wait_for(lambda: self._inbox or self._woken or self._closed, timeout_seconds)
            self._woken = False
            return [self._inbox.popleft() for _ in range(min(max_messages, len(self._inbox)))]

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge, one by one: what another batch holds is not ours to acknowledge."""
        places = self._take(deliveries)
        if places:
            self._link.call(lambda _: ack_all(places))

    def requeue(self, deliveries: Sequence[Delivery]) -> None:
        """Give back."""
        places = self._take(deliveries)
        if places:
            self._link.call(lambda _: requeue_all(places))

    def release(self, delivery: Delivery) -> None:
        """Cancel the consumer, then acknowledge."""
        places = self._take([delivery])
        views = list(self._views.values())
        for view in views:
            view.resting = True  # now, for a reconnect may come before the callback's turn, or instead of it

        def rest(_: object) -> None:
            for view in views:
                view.cancel()
            ack_all(places)

        self._link.call(rest)

    def resume(self) -> None:
        """Consume again."""
        views = list(self._views.values())
        for view in views:
            view.resting = False

        def again(_: object) -> None:
            for view in views:
                view.consume()

        self._link.call(again)

    def leave(self, queue: str) -> None:
        """Close this queue's channel."""
        with self._lock:
            view = self._views.pop(queue, None)
            idle = all(place.view is not view for place in self._places.values())
        if view is not None:
            view.close(idle=idle)
            self.gone(view)

    def join(self, queue: str) -> None:
        """Open a channel for this queue, unless there is one."""
        with self._lock:
            if self._closed or queue in self._views:
                return
            view = self._views[queue] = QueueView(self._link, queue, self._prefetch, self)
        view.open()

    def wake(self) -> None:
        """Make a waiting `get` return."""
        with self._ready:
            self._woken = True
            self._ready.notify_all()

    def close(self) -> None:
        """Close the channels: what is unacknowledged goes back. Idempotent."""
        with self._ready:
            if self._closed:
                return
            self._closed = True
            busy = {place.view.queue for place in self._places.values()}
            self._inbox.clear()
            self._places.clear()
            self._ready.notify_all()
            views = list(self._views.values())
        for view in views:
            view.close(idle=view.queue not in busy)

    def arrived(self, view: QueueView, place: Place, body: bytes, *, redelivered: bool) -> None:
        """Take one message. Runs in the I/O thread."""
        with self._ready:
            if self._closed or self._views.get(view.queue) is not view:
                return
            tag = next(self._numbers)
            self._heard.add(view.queue)
            self._places[tag] = place
            self._inbox.append(Delivery(tag, body, redelivered, view.queue))
            self._ready.notify()

    def gone(self, view: QueueView) -> None:
        """Forget what came over a channel that is closed: it is delivered again."""
        with self._lock:
            lost = {tag for tag, place in self._places.items() if place.view is view}
            for tag in lost:
                del self._places[tag]
            self._inbox = deque(delivery for delivery in self._inbox if delivery.tag not in lost)
            self._heard.discard(view.queue)

    def _take(self, deliveries: Sequence[Delivery]) -> list[Place]:
        with self._lock:
            found = [self._places.pop(delivery.tag, None) for delivery in deliveries]
        return [place for place in found if place is not None]
