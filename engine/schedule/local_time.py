"""When a local time comes round in a zone, where some are skipped and some come twice."""

from typing import Literal, NamedTuple

from engine.schedule.cron import Cron
from engine.schedule.zones import OFFSET_SECONDS_MAX, YEAR_MAX, YEAR_MIN, Segment, segments, year_of


class LocalRule(NamedTuple):
    """The zone of a cron trigger and what it does about local times that are skipped or repeated."""

    zone: str
    gap: Literal["shift", "skip"]
    overlap: Literal["first", "last", "both"]


class Moment(NamedTuple):
    """A firing in seconds since 1970, UTC; `shifted` when its local time was skipped and it fires at the jump."""

    at: int
    shifted: bool


def next_moment(cron: Cron, rule: LocalRule, start: int, end: int) -> Moment | None:
    """Return the first firing in [start, end), both in seconds since 1970, UTC; None when there is none."""
    at = start
    while at < end:
        # No clock is a day from UTC: what matches no local time until then cannot fire, whatever the zone does.
        candidate = cron.next_local(at - OFFSET_SECONDS_MAX, end + OFFSET_SECONDS_MAX)
        if candidate is None:
            return None
        at = max(at, candidate - OFFSET_SECONDS_MAX)
        year = year_of(at)
        if at >= end or not YEAR_MIN <= year <= YEAR_MAX:
            return None
        for segment in segments(rule.zone, year):
            found = _in_segment(cron, rule, segment, at) if segment.end > at else None
            if found is not None:
                return found if found.at < end else None
        at = segments(rule.zone, year)[-1].end
    return None


def _in_segment(cron: Cron, rule: LocalRule, segment: Segment, at: int) -> Moment | None:
    """Return the first firing in the segment that is not before `at`."""
    begins, ends = segment.start + segment.offset, segment.end + segment.offset
    if rule.overlap == "first":
        begins = max(begins, segment.repeats_until)
    elif rule.overlap == "last":
        ends = min(ends, segment.repeats_from)
    local = cron.next_local(max(begins, at + segment.offset), ends)
    if rule.gap == "shift" and at <= segment.start and _is_in_gap(cron, segment):
        return Moment(segment.start, shifted=local != segment.start + segment.offset)
    return None if local is None else Moment(local - segment.offset, shifted=False)


def _is_in_gap(cron: Cron, segment: Segment) -> bool:
    """Whether a local time that was skipped at the segment's start matches."""
    return (
        segment.gap_from is not None and cron.next_local(segment.gap_from, segment.start + segment.offset) is not None
    )
