"""Durations, sizes, times, and whether values are of declared types."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.durations import DurationError, format_duration, parse_duration
from dsl.model import ValueType
from dsl.sizes import SizeError, parse_size
from dsl.times import TimeError, parse_time
from dsl.values import is_of_type


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("2h30m", 9000),
        ("1d", 86_400),
        ("500ms", 0.5),
        ("PT15M", 900),
        ("P1DT12H", 129_600),
        ("P2W", 1_209_600),
        ("PT0.5S", 0.5),
        ("3650d", 315_360_000),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "5", "5 m", "m5", "-5m", "1.5h", "P", "PT", "P1DT", "PT1H ", "3651d", "9" * 30 + "d"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(DurationError):
        parse_duration(text)


@given(st.integers(0, 10 * 365 * 86_400_000))
def test_a_printed_duration_is_read_back(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == milliseconds / 1000


@pytest.mark.parametrize(
    ("value", "size"),
    [("512Mi", 512 << 20), ("2Gi", 2 << 30), ("500M", 500_000_000), ("1.5Ki", 1536), (10, 10), ("7", 7)],
)
def test_sizes(value: str | int, size: int) -> None:
    assert parse_size(value) == size


@pytest.mark.parametrize("value", ["", "512MB", "-1", "Mi", "1 Gi"])
def test_what_is_no_size(value: str) -> None:
    with pytest.raises(SizeError):
        parse_size(value)


@pytest.mark.parametrize("text", ["2026-01-01T02:00:00+02:00", "2026-01-01t00:00:00z", "2026-01-01T00:00:00.000Z"])
def test_times_become_utc(text: str) -> None:
    assert parse_time(text) == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2026-01-01", "2026-02-30T00:00:00Z", "2026-01-01T00:00:00", "0001-01-01T00:00:00+23:00"]
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(TimeError):
        parse_time(text)


@pytest.mark.parametrize(
    ("value", "kind", "fits"),
    [
        ("x", "string", True),
        (1, "string", False),
        (1, "integer", True),
        (1.0, "integer", True),
        (1.5, "integer", False),
        (True, "integer", False),
        (1, "number", True),
        (True, "boolean", True),
        ("2026-02-28", "date", True),
        ("2026-02-30", "date", False),
        ("2026-01-01T00:00:00Z", "datetime", True),
        ("5m", "duration", True),
        ("5", "duration", False),
        ([], "array", True),
        ({}, "object", True),
        (None, "object", False),
    ],
)
def test_types(value: Any, kind: str, fits: bool) -> None:
    assert is_of_type(value, ValueType(kind)) is fits
