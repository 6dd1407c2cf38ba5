"""The stretches of one offset are those that the database's own files say."""

import struct
from datetime import UTC, datetime
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from zoneinfo import TZPATH

import pytest

from engine.schedule.zones import segments

YEARS = range(1970, 2037)
ZONES = [
    "Africa/Cairo", "Africa/Casablanca", "Africa/Monrovia", "America/Argentina/San_Luis", "America/Caracas",
    "America/Juneau", "America/New_York", "America/Sao_Paulo", "Antarctica/Casey", "Antarctica/Troll", "Asia/Gaza",
    "Asia/Kathmandu", "Asia/Pyongyang", "Asia/Singapore", "Asia/Tehran", "Australia/Lord_Howe", "Europe/Berlin",
    "Europe/Dublin", "Europe/Istanbul", "Europe/Moscow", "Pacific/Apia", "Pacific/Chatham", "UTC",
]  # fmt: skip


@pytest.mark.parametrize("zone", ZONES)
def test_changes_are_those_of_the_file(zone: str) -> None:
    years = [year_segments for year in YEARS for year_segments in [segments(zone, year)]]
    joined = [segment for year in years for segment in year]
    assert all(before.end == after.start for before, after in pairwise(joined))
    found = [(after.start, after.offset) for before, after in pairwise(joined) if after.offset != before.offset]
    first, last = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (YEARS[0], YEARS[-1] + 1))
    assert found == [(at, offset) for at, offset in _changes(zone) if first < at < last]


def test_what_is_skipped_and_what_comes_twice() -> None:
    winter, summer, winter_again = segments("Europe/Berlin", 2026)
    assert summer.gap_from == summer.start + 3600  # 02:00, where the clock already shows 03:00
    assert winter.gap_from is None
    assert summer.repeats_from == summer.end + 3600
    assert winter_again.repeats_until == winter_again.start + 7200


def _changes(zone: str) -> list[tuple[int, int]]:
    """Return the moments at which a zone's offset changes, from its TZif file (RFC 9636)."""
    data = _file(zone)
    skipped = _counts(data)
    body = 44 + skipped[3] * 5 + skipped[4] * 6 + skipped[5] + skipped[2] * 8 + skipped[1] + skipped[0]
    _, _, _, times, types, _ = _counts(data, body)
    at = body + 44
    moments = struct.unpack_from(f">{times}q", data, at)
    kinds = struct.unpack_from(f">{times}B", data, at + times * 8)
    offsets = [struct.unpack_from(">i", data, at + times * 9 + kind * 6)[0] for kind in range(types)]
    in_force = [(moment, offsets[kind]) for moment, kind in zip(moments, kinds, strict=True)]
    return [after for before, after in pairwise([(0, offsets[0]), *in_force]) if after[1] != before[1]]


def _counts(data: bytes, at: int = 0) -> tuple[int, ...]:
    return struct.unpack_from(">6I", data, at + 20)


def _file(zone: str) -> bytes:
    for folder in TZPATH:
        if (Path(folder) / zone).is_file():
            return (Path(folder) / zone).read_bytes()
    return files("tzdata").joinpath("zoneinfo", zone).read_bytes()
