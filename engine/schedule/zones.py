"""Time zones as stretches of one offset, so that skipped and repeated local times are plain arithmetic.

The rules come from the IANA database through `zoneinfo`, which does not tell when an offset changes; that is found by
looking every twelve hours and halving between. A test compares the result with every change in the database's files.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

SEGMENT_CACHE_MAX: Final = 8_192
YEAR_MIN: Final = 2
YEAR_MAX: Final = 9_990
"""The years in which firings are looked for: a local time is never outside what the calendar has."""

OFFSET_SECONDS_MAX: Final = 86_400
"""No clock on the wall is further than this from UTC."""

_PROBE_SECONDS: Final = 43_200
_MARGIN_SECONDS: Final = 3 * 86_400
_ENDLESS: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch [start, end) of UTC, in seconds since 1970, within one year, with one offset.

    `gap_from` is the first local time that was skipped when the clocks went forward at `start`. Local times before
    `repeats_until` are here for the second time; those from `repeats_from` on come once more after `end`.
    """

    start: int
    end: int
    offset: int
    gap_from: int | None = None
    repeats_until: int = -_ENDLESS
    repeats_from: int = _ENDLESS


def year_of(at: int) -> int:
    """Return the year, in UTC, of a moment in seconds since 1970."""
    return datetime.fromtimestamp(at, UTC).year


@lru_cache(maxsize=SEGMENT_CACHE_MAX)
def segments(zone: str, year: int) -> tuple[Segment, ...]:
    """Return the stretches of one offset that make up a year (in UTC), in order.

    Raises:
        zoneinfo.ZoneInfoNotFoundError: no such zone.
    """
    start, end = _year_start(year), _year_start(year + 1)
    changes = _changes(ZoneInfo(zone), start - _MARGIN_SECONDS, end + _MARGIN_SECONDS)
    found = []
    for (begins, offset), (ends, offset_after) in pairwise([*changes, (end + _MARGIN_SECONDS, changes[-1][1])]):
        if begins < end and ends > start:
            before = changes[changes.index((begins, offset)) - 1][1] if begins != changes[0][0] else offset
            found.append(_segment(max(begins, start), min(ends, end), begins, ends, (before, offset, offset_after)))
    return tuple(found)


def _segment(start: int, end: int, begins: int, ends: int, offsets: tuple[int, int, int]) -> Segment:
    before, offset, after = offsets
    return Segment(
        start=start,
        end=end,
        offset=offset,
        gap_from=begins + before if before < offset and begins == start else None,
        repeats_until=begins + before if before > offset else -_ENDLESS,
        repeats_from=ends + after if after < offset else _ENDLESS,
    )


def _changes(zone: ZoneInfo, start: int, end: int) -> list[tuple[int, int]]:
    """Return `start` and each moment before `end` at which the offset changes, with the offset from then on."""
    found = [(start, _offset(zone, start))]
    probe = start
    while probe < end:
        following = min(probe + _PROBE_SECONDS, end)
        offset = _offset(zone, following)
        if offset != found[-1][1]:
            found.append((_change(zone, probe, following), offset))
        probe = following
    return [item for item in found if item[0] < end]


def _change(zone: ZoneInfo, before: int, after: int) -> int:
    """Return the first second in (before, after] with the offset that `after` has."""
    wanted = _offset(zone, after)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(zone, middle) == wanted:
            after = middle
        else:
            before = middle
    return after


def _offset(zone: ZoneInfo, at: int) -> int:
    delta = datetime.fromtimestamp(at, zone).utcoffset()
    assert delta is not None
    return round(delta.total_seconds())


def _year_start(year: int) -> int:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
