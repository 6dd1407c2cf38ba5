"""Waiting for what a syncer was asked for, without a thread that is held meanwhile."""

import asyncio
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any, Final

from api.dependencies import Services
from api.problems import BAD_PARAMETER, NOT_FOUND, Kind, RefusedError
from api.schemas.problems import FieldFault
from engine.services.asking import Asked, NobodyError, NotAnsweredError
from engine.services.refusals import ConflictError
from engine.store.reads_sources import SourceRow

if TYPE_CHECKING:  # an API of its own compiles nothing until it is asked to
    from engine.services.plans import SourcePlan

TAKEN_SECONDS: Final = 5.0
"""How long it may take until somebody is at it."""
POLL_SECONDS: Final = 0.5
"""How soon a server that stops ends a wait."""

UNREADABLE: Final = Kind("source-unreadable", 502, "The source cannot be read now")
UNPLANNABLE: Final = Kind("unplannable", 422, "The source cannot hold this")
NOBODY: Final = Kind("nobody-syncs", 503, "Nobody syncs the source now")
BUSY: Final = Kind("busy", 503, "Too much is asked for at once")
LATE: Final = Kind("late", 504, "It was not done in time")
CONFLICT: Final = Kind("conflict", 409, "The present state does not allow it")

_KINDS: Final = {
    "unknown": NOT_FOUND,
    "ref_not_found": NOT_FOUND,
    "bad_ref": BAD_PARAMETER,
    "ref_ambiguous": BAD_PARAMETER,
    "no_refs": CONFLICT,
    "absent": UNPLANNABLE,
    "empty": UNPLANNABLE,
    "too_many_files": UNPLANNABLE,
    "too_large": UNPLANNABLE,
    "too_deep": UNPLANNABLE,
    "busy": BUSY,
    "interrupted": NOBODY,
    "failed": NOBODY,
}
"""What each reason is answered with; any other says why the source cannot be read."""


async def answered(services: Services, ask: Callable[[], Asked], seconds: float) -> "SourcePlan | None":
    """Return the answer to what is asked. Raises `RefusedError`, `TimeoutError` after so many seconds."""
    asked = ask()
    try:
        if not await _ended(services, asked.taken, min(TAKEN_SECONDS, seconds)):
            raise RefusedError(
                NOBODY, "nobody who syncs the source has answered\n  hint: is a `chronoverse sync` running?"
            )
        asked.taken.result()
        if not await _ended(services, asked.done, seconds):
            raise TimeoutError
        return asked.done.result()
    except NobodyError as error:
        raise RefusedError(NOBODY, str(error)) from error
    except NotAnsweredError as error:
        raise _refused(error) from error
    except CancelledError as error:
        raise RefusedError(NOBODY, "who syncs the source has stopped\n  hint: ask again") from error
    finally:
        services.given.syncer.forget(asked)


def awake(source: SourceRow) -> None:
    """Raise `ConflictError` for a source that rests."""
    if "suspended" in source.config:
        raise ConflictError(
            f"source {source.name} is suspended: nobody looks at it\n  hint: chronoverse source resume {source.name}"
        )


async def _ended(services: Services, future: "Future[Any]", seconds: float) -> bool:
    """Wait until a future has ended, the time is over, or the server stops; return whether it has ended.

    The future may be that of others too, so it is never cancelled from here.
    """
    loop, news = asyncio.get_running_loop(), asyncio.Event()

    def told(_: "Future[Any]") -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(news.set)

    future.add_done_callback(told)
    end = loop.time() + seconds
    while not future.done() and (left := end - loop.time()) > 0 and not services.given.closing.is_set():
        try:
            async with asyncio.timeout(min(left, POLL_SECONDS)):
                await news.wait()
        except TimeoutError:
            continue
    return future.done()


def _refused(error: NotAnsweredError) -> RefusedError:
    kind = _KINDS.get(error.reason, UNREADABLE)
    message, _, hint = str(error).partition("\n  hint: ")
    faults = [FieldFault(place="query.ref", message=message, hint=hint)] if kind is BAD_PARAMETER else []
    return RefusedError(kind, str(error), faults)
