"""The feed as server-sent events: first what was missed, then what happens, until the client or the server ends it.

Each event has its own id: a client that comes back with `Last-Event-ID` goes on where it was, at this server or at
another. New events are read once for all streams (`FeedTail`); one that cannot keep up reads them by itself.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

import msgspec
from litestar.concurrency import sync_to_thread
from litestar.response import ServerSentEventMessage

from api.dependencies import Services
from api.schemas.events import Event, EventsGap
from engine.events import Wanted
from engine.services.feed_tail import FeedTail
from engine.store.feed import FeedRow, event_before, events_after, newest_event, oldest_event

KEEP_ALIVE_SECONDS: Final = 15.0
PAGE_MAX: Final = 200
WAITING_MAX: Final = 1_000

_encoder = msgspec.json.Encoder()


class EventStream:
    """One client's stream.

    It begins after the event `after`, else at `since`, else now. Without `follow` it ends when it has given what there
    is, with the event `end`. `wanted` and `since` say which events are given.
    """

    def __init__(
        self,
        services: Services,
        tail: FeedTail,
        wanted: Wanted,
        *,
        after: int | None = None,
        since: datetime | None = None,
        follow: bool = True,
    ) -> None:
        self._services = services
        self._tail = tail
        self._wanted = wanted
        self._since = since
        self._follow = follow
        self._after = after
        self._position = 0
        self._until = 0
        self._waiting: deque[FeedRow] = deque()
        self._news = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def events(self) -> AsyncIterator[ServerSentEventMessage]:
        """Give the events. Ends without `end` when the server stops: the client comes back to another."""
        try:
            gap = await sync_to_thread(self._begin)
            if gap is not None:
                yield ServerSentEventMessage(event="gap", data=_encoder.encode(gap))
            async for message in self._events():
                yield message
        finally:
            self._tail.leave(self._told)

    def _begin(self) -> EventsGap | None:
        """Find out where to begin; return what is missing before that."""
        if self._follow:
            self._until = self._tail.follow(self._told)
        with self._services.database.read() as connection:
            if not self._follow:
                self._until = newest_event(connection)
            oldest = oldest_event(connection)
            if self._after is None:
                self._position = self._until if self._since is None else event_before(connection, self._since)
                return None
        self._position = self._after
        missed = self._until if oldest is None else oldest - 1
        return EventsGap(after=self._after, resumed_after=missed) if self._after < missed else None

    async def _events(self) -> AsyncIterator[ServerSentEventMessage]:
        while not self._services.given.closing.is_set():
            self._news.clear()
            while self._position < self._until:
                for row in await sync_to_thread(self._missed):
                    yield _message(row)
            while self._waiting:
                row = self._waiting.popleft()
                if row.id > self._position:
                    self._position = row.id
                    if self._is_wanted(row):
                        yield _message(row)
            if not self._follow:
                yield ServerSentEventMessage(event="end", id=self._position, data="{}")
                return
            if not self._news.is_set() and not await self._heard():
                yield ServerSentEventMessage(data=None, comment="still here")

    async def _heard(self) -> bool:
        """Wait for news; return whether there is some before it is time to show that the stream is alive."""
        with suppress(TimeoutError):
            async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                await self._news.wait()
                return True
        return False

    def _missed(self) -> Sequence[FeedRow]:
        """Read a page of what is to be given up to where the tail stood."""
        with self._services.database.read() as connection:
            rows = events_after(connection, self._position, PAGE_MAX, self._wanted, until=self._until)
        self._position = rows[-1].id if len(rows) == PAGE_MAX else self._until
        return [row for row in rows if self._is_wanted(row)]

    def _is_wanted(self, row: FeedRow) -> bool:
        return self._wanted.takes(row) and (self._since is None or row.at >= self._since)

    def _told(self, rows: Sequence[FeedRow]) -> None:
        """Hear of new events, in the tail's thread."""
        with suppress(RuntimeError):  # the loop has ended meanwhile
            self._loop.call_soon_threadsafe(self._take, rows)

    def _take(self, rows: Sequence[FeedRow]) -> None:
        if len(self._waiting) + len(rows) > WAITING_MAX:
            self._waiting.clear()
            self._until = rows[-1].id
        else:
            self._waiting.extend(rows)
        self._news.set()


def _message(row: FeedRow) -> ServerSentEventMessage:
    return ServerSentEventMessage(event=row.kind, id=row.id, data=_encoder.encode(Event.of(row)))
