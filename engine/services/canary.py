"""Whether the heartbeat path is proved: leases may only expire while it is."""

from datetime import datetime, timedelta


class Canary:
    """Counts messages that the lease keeper sends to itself through the heartbeat queue.

    The path is proved when everything sent in the last `ttl` has come back in time. After a start, a gap or a
    reconnect it takes one full `ttl` to be proved again, so a restart of the broker ends no lease.
    """

    def __init__(self, interval: timedelta, ttl: timedelta) -> None:
        self._interval = interval
        self._ttl = ttl
        self._sequence = 0
        self._outstanding: dict[int, datetime] = {}
        self._sent_at: datetime | None = None
        self._proved_since: datetime | None = None

    def next_at(self, now: datetime) -> datetime:
        """Return when the next one is due."""
        return now if self._sent_at is None else self._sent_at + self._interval

    def send(self, now: datetime) -> int:
        """Return the number of the canary to send now."""
        if self._sent_at is not None and now - self._sent_at > 2 * self._interval:
            self._proved_since = None
        self._sequence += 1
        self._sent_at = now
        self._outstanding[self._sequence] = now
        return self._sequence

    def back(self, sequence: int, now: datetime) -> None:
        """Note that a canary came back. One that was doubled, or that another keeper sent, is ignored."""
        if self._outstanding.pop(sequence, None) is not None and self._proved_since is None:
            self._proved_since = now

    def proved(self, now: datetime) -> bool:
        """Whether leases may expire now."""
        late = [number for number, sent in self._outstanding.items() if now - sent > self._interval]
        if late:
            self._proved_since = None
            for number in late:
                del self._outstanding[number]
        quiet = self._sent_at is None or now - self._sent_at > 2 * self._interval
        return not quiet and self._proved_since is not None and now - self._proved_since >= self._ttl
