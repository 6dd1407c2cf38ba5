"""An offer in a slot's hand: acknowledged when its attempt ends, or earlier when that takes long."""

import threading
import time

from engine.broker.interface import Consumer, Delivery


class HeldOffer:
    """Keeps one offer unacknowledged for at most a while, so that the slot stays closed meanwhile.

    RabbitMQ closes the channel of a consumer that holds a message for half an hour. A longer attempt therefore gives up
    consuming first, and acknowledges then.
    """

    def __init__(self, consumer: Consumer, delivery: Delivery, hold_seconds: float) -> None:
        self._consumer = consumer
        self._delivery = delivery
        self._release_at = time.monotonic() + hold_seconds
        self._lock = threading.Lock()
        self._released = False
        self._ended = False

    def look(self, now: float) -> None:
        """Release the offer if it has been held for long."""
        if now < self._release_at or self._released:
            return
        with self._lock:
            if not self._ended and not self._released:
                self._released = True
                self._consumer.release(self._delivery)

    def end(self) -> None:
        """Acknowledge the offer, or consume again."""
        with self._lock:
            self._ended = True
            if self._released:
                self._consumer.resume()
            else:
                self._consumer.ack([self._delivery])
