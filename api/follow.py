"""A run's log followed: server-sent events until the run has ended and every announced line is there.

Each event `lines` carries one batch and its position as id, so a client that comes back with `Last-Event-ID` goes on
where it was. The last event is `end`. A notice from the log writer of the same process wakes a follower at once;
without one it looks again after `POLL_SECONDS`, and only while somebody follows.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

import msgspec
from litestar.concurrency import sync_to_thread
from litestar.response import ServerSentEventMessage

from api.dependencies import Services
from api.log_lines import lines_of
from api.schemas.logs import LogEnd
from engine.store.reads_logs import LogBatchRow, LogStanding, list_log_batches, log_standing

POLL_SECONDS: Final = 0.25
KEEP_ALIVE_SECONDS: Final = 15.0
INCOMPLETE_AFTER: Final = timedelta(seconds=30)
BATCHES_MAX: Final = 100

_encoder = msgspec.json.Encoder()


class Follower:
    """One follower of one run, from a position on."""

    def __init__(self, services: Services, run_id: str, *, after: int, task: str | None = None) -> None:
        self._services = services
        self._run_id = run_id
        self._position = after
        self._task = task
        self._news = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def events(self) -> AsyncIterator[ServerSentEventMessage]:
        """Give the events. Ends without `end` when the server stops: the client comes back to another."""
        notifier = self._services.given.notifier
        notifier.follow(self._run_id, self._told)
        try:
            async for event in self._events():
                yield event
        finally:
            notifier.leave(self._run_id, self._told)

    async def _events(self) -> AsyncIterator[ServerSentEventMessage]:
        silent = 0.0
        while not self._services.given.closing.is_set():
            self._news.clear()
            standing, batches = await sync_to_thread(self._look)
            for batch in batches:
                self._position = batch.pos
                yield ServerSentEventMessage(event="lines", id=batch.pos, data=_encoder.encode(list(lines_of(batch))))
            if len(batches) == BATCHES_MAX:
                continue
            if (end := self._end(standing)) is not None:
                yield ServerSentEventMessage(event="end", id=self._position, data=_encoder.encode(end))
                return
            silent = 0.0 if batches else silent + await self._wait()
            if silent >= KEEP_ALIVE_SECONDS:
                silent = 0.0
                yield ServerSentEventMessage(data=None, comment="still here")

    def _look(self) -> tuple[LogStanding | None, list[LogBatchRow]]:
        """Read the standing first: what it promises is then among the batches, or comes with a later look."""
        with self._services.database.read() as connection:
            standing = log_standing(connection, self._run_id)
            batches = list_log_batches(
                connection, self._run_id, after=self._position, limit=BATCHES_MAX, task=self._task
            )
        return standing, batches

    def _end(self, standing: LogStanding | None) -> LogEnd | None:
        if standing is None:  # retention took the run away meanwhile
            return LogEnd(state="", incomplete=True)
        if not standing.ended:
            return None
        if standing.missing == 0:
            return LogEnd(state=standing.state, incomplete=False)
        assert standing.finished_at is not None
        late = self._services.given.clock() - standing.finished_at >= INCOMPLETE_AFTER
        return LogEnd(state=standing.state, incomplete=True) if late else None

    async def _wait(self) -> float:
        """Wait for news, at most the poll's time; return the seconds waited."""
        before = self._loop.time()
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._news.wait()
        except TimeoutError:
            pass
        return self._loop.time() - before

    def _told(self) -> None:
        """Hear of news, in whatever thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._news.set)
