"""A wait for something to come true in the database, without a thread that is held meanwhile.

A notice by the same process wakes who waits at once; without one they look again after `POLL_SECONDS`.
"""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from litestar.concurrency import sync_to_thread

from api.dependencies import Services

T = TypeVar("T")

POLL_SECONDS: Final = 0.5


async def awaited(
    services: Services, topic: str, look: Callable[[], T], done: Callable[[T], bool], seconds: float
) -> T:
    """Return what `look` gives as soon as it is `done`, and after `seconds`, or when the server stops, whatever it is.

    `topic` is what the process's notifier says that there is news of.
    """
    loop, news = asyncio.get_running_loop(), asyncio.Event()

    def told() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(news.set)

    end = loop.time() + seconds
    notifier, closing = services.given.notifier, services.given.closing
    notifier.follow(topic, told)
    try:
        while True:
            news.clear()
            found = await sync_to_thread(look)
            left = end - loop.time()
            if done(found) or left <= 0 or closing.is_set():
                return found
            await _heard(news, min(left, POLL_SECONDS))
    finally:
        notifier.leave(topic, told)


async def _heard(news: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await news.wait()
    except TimeoutError:
        pass
