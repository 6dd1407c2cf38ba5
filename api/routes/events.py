"""What happens, as it happens: server-sent events."""

from collections.abc import Iterable
from typing import Annotated, Any, Final

from litestar import Router, get
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency, Provide
from litestar.params import HeaderParameter, QueryParameter, SkipValidation
from litestar.response import ServerSentEvent

from api.dependencies import Injected, Services
from api.event_stream import EventStream
from api.parameters import Moment, read_moment, read_workflow, refused
from api.problems import RESPONSES, Kind, RefusedError
from engine.events import CHOICES, Wanted
from engine.services.feed_tail import FOLLOWERS_MAX, FeedTail
from engine.store.feed import newest_event

BUSY: Final = Kind("too-many-streams", 503, "There are too many streams")
ID_DIGITS_MAX: Final = 18

Tail = NamedDependency[SkipValidation[FeedTail]]
Kinds = Annotated[
    list[str] | None, QueryParameter(name="kind", description="Any of these; `run.*` is all that begin so.")
]
Namespaces = Annotated[
    list[str] | None, QueryParameter(name="namespace", description="Any of these; `data.*` is `data` and all below it.")
]


@get("/", responses=RESPONSES, operation_id="followEvents", summary="Follow what happens")
async def follow_events(
    services: Injected,
    tail: Tail,
    kinds: Kinds = None,
    namespaces: Namespaces = None,
    workflow: Annotated[str | None, QueryParameter(description="`namespace/name`.")] = None,
    source: Annotated[str | None, QueryParameter(description="The name of a source.")] = None,
    since: Moment = None,
    follow: Annotated[bool, QueryParameter(description="False: end when all that there is was given.")] = True,
    last_event_id: Annotated[
        str | None, HeaderParameter(name="Last-Event-ID", description="Go on after this event.")
    ] = None,
) -> ServerSentEvent:
    """Follow what happens by server-sent events, named by their kinds.

    It begins now, at `since`, or after `Last-Event-ID`. `gap` says that events were missed which are kept no more.
    """
    wanted = Wanted(
        kinds=read_kinds("query.kind", kinds or []),
        namespaces=tuple(namespaces or ()),
        workflow=None if workflow is None else read_workflow(workflow),
        source=source or "",
    )
    after, begin = _event_id(last_event_id), read_moment("since", since)
    if tail.full:
        raise RefusedError(BUSY, f"this server has {FOLLOWERS_MAX} streams already\n  hint: come back later")
    await sync_to_thread(_reachable, services)
    return ServerSentEvent(
        EventStream(
            services, tail, wanted, after=after, since=None if after is not None else begin, follow=follow
        ).events()
    )


def read_kinds(place: str, given: Iterable[str]) -> tuple[str, ...]:
    """Return the kinds of events that are wanted. Raises `RefusedError` for one that there is not."""
    kinds = tuple(given)
    for kind in kinds:
        if kind not in CHOICES:
            raise refused(place, f"{kind!r} is no kind of event", f"one of {', '.join(CHOICES)}")
    return kinds


def _event_id(text: str | None) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > ID_DIGITS_MAX:
        raise refused("header.Last-Event-ID", f"{text!r} is no id of an event", "send the `id` of the last event")
    return int(text)


def _reachable(services: Services) -> None:
    """Raise what the store raises, while the request can still be answered."""
    with services.database.read() as connection:
        newest_event(connection)


def router(services: Services) -> Router:
    """Return the routes, over one tail for all streams."""
    tail = FeedTail(services.database, services.given.closing)
    provided: dict[str, Any] = {"tail": Provide(lambda: tail, sync_to_thread=False)}
    return Router("/events", tags=["events"], route_handlers=[follow_events], dependencies=provided)
