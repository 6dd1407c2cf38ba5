"""Times and JSON on their way into a database and back."""

import ast
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql, sqlite

from engine.store.json_text import json_text
from engine.store.types import EPOCH, Timestamp, to_microseconds

ZONES = [UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe")]
FIRST = datetime.min + timedelta(days=1)  # noqa: DTZ901 - hypothesis takes naive bounds
LAST = datetime.max - timedelta(days=1)  # noqa: DTZ901
MOMENTS = st.datetimes(FIRST, LAST, timezones=st.sampled_from(ZONES))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=10,
)
SQLITE, POSTGRESQL = sqlite.dialect(), postgresql.dialect()


@given(MOMENTS)
def test_a_moment_survives_both_databases(moment: datetime) -> None:
    for dialect in (SQLITE, POSTGRESQL):
        column = Timestamp()
        back = column.process_result_value(column.process_bind_param(moment, dialect), dialect)
        assert back == moment.astimezone(UTC)
        assert back.tzinfo is UTC


@given(st.lists(MOMENTS, min_size=2))
def test_microseconds_keep_the_order(moments: list[datetime]) -> None:
    assert [to_microseconds(moment) for moment in sorted(moments, key=lambda moment: moment.astimezone(UTC))] == sorted(
        map(to_microseconds, moments)
    )


def test_nothing_stays_nothing() -> None:
    for dialect in (SQLITE, POSTGRESQL):
        assert Timestamp().process_bind_param(None, dialect) is None
        assert Timestamp().process_result_value(None, dialect) is None


def test_known_moments() -> None:
    assert to_microseconds(EPOCH) == 0
    assert to_microseconds(EPOCH - timedelta(microseconds=1)) == -1
    assert to_microseconds(datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))) == 0


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(ValueError, match="naive datetime reached the store"):
        Timestamp().process_bind_param(datetime(2026, 1, 1), SQLITE)  # noqa: DTZ001


@given(JSON)
def test_json_text_is_json_without_the_one_character(value: object) -> None:
    assert msgspec.json.decode(json_text(value)) == without_nul(value)


def without_nul(value: object) -> object:
    """The slow and simple way to say it."""
    return ast.literal_eval(repr(value).replace("\\\\", "\0").replace("\\x00", "\ufffd").replace("\0", "\\\\"))


def test_text_that_only_looks_like_the_character_stays() -> None:
    assert msgspec.json.decode(json_text({"a": "\\u0000"})) == {"a": "\\u0000"}
    assert msgspec.json.decode(json_text({"a\0": ["\0", 1]})) == {"a\ufffd": ["\ufffd", 1]}
