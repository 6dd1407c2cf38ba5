"""What cron expressions say, and which are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.cron_syntax import ALIASES, CronSyntaxError, can_fire, parse_cron, shortest_gap_seconds


@pytest.mark.parametrize(
    ("text", "field", "values"),
    [
        ("*/20 * * * *", "minute", {0, 20, 40}),
        ("5/25 * * * *", "minute", {5, 30, 55}),
        ("0 23-23 * * *", "hour", {23}),
        ("0 8-10,20 * * *", "hour", {8, 9, 10, 20}),
        ("0 0 1-10/3 * *", "day", {1, 4, 7, 10}),
        ("0 0 * jan,DEC *", "month", {1, 12}),
        ("0 0 * * mon-fri", "weekday", {1, 2, 3, 4, 5}),
        ("0 0 * * 5-7", "weekday", {5, 6, 0}),
        ("30 * * * * *", "second", {30}),
        ("* * * * *", "second", {0}),
    ],
)
def test_fields(text: str, field: str, values: set[int]) -> None:
    assert getattr(parse_cron(text), field).values == values


@pytest.mark.parametrize("alias", ALIASES)
def test_aliases(alias: str) -> None:
    assert can_fire(parse_cron(alias.upper()))


@pytest.mark.parametrize("text", ["0 0 L * *", "0 0 15W * *", "0 0 * * L5", "0 0 * * 5#2", "0 0 * * fri#2,L1"])
def test_special_days(text: str) -> None:
    assert can_fire(parse_cron(text))


@pytest.mark.parametrize(
    ("text", "offset", "length"),
    [
        ("* * * *", 0, 7),
        ("60 * * * *", 0, 2),
        ("* 24 * * *", 2, 2),
        ("* * 0 * *", 4, 1),
        ("* * * 13 *", 6, 2),
        ("* * * * 8", 8, 1),
        ("*/0 * * * *", 0, 3),
        ("*/90 * * * *", 0, 4),
        ("0 20-8 * * *", 2, 4),
        ("0 0 ? * *", 4, 1),
        ("0 0 , * *", 4, 1),
        ("0 0 1,15W * *", 4, 5),
        ("0 0 32W * *", 4, 3),
        ("0 0 * * 5#6", 8, 3),
        ("0 0 * * 1,5#2", 8, 5),
        ("@reboot", 0, 7),
        ("0,61 * * * *", 2, 2),
    ],
)
def test_what_is_refused_and_where(text: str, offset: int, length: int) -> None:
    with pytest.raises(CronSyntaxError) as caught:
        parse_cron(text)
    assert (caught.value.offset, caught.value.length) == (offset, length)


@pytest.mark.parametrize(
    ("text", "fires"),
    [
        ("0 0 30 2 *", False),
        ("0 0 31 2,4,6,9,11 *", False),
        ("0 0 29 2 *", True),
        ("0 0 31 2,3 *", True),
        ("0 0 30 2 1", True),
        ("0 0 30-31 feb *", False),
    ],
)
def test_days_that_no_month_has(text: str, fires: bool) -> None:
    assert can_fire(parse_cron(text)) is fires


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("*/5 * * * *", 300),
        ("0,50 * * * *", 600),
        ("0 2 * * *", 86_400),
        ("0 */6 * * *", 21_600),
        ("*/10 * * * * *", 10),
        ("0 0,23 * * *", 3600),
    ],
)
def test_the_shortest_gap(text: str, seconds: int) -> None:
    assert shortest_gap_seconds(parse_cron(text)) == seconds


@given(st.text(alphabet="0123456789*/,-LW#?@adfhijmnorstuwy ", max_size=30))
def test_any_text_is_parsed_or_refused_inside_it(text: str) -> None:
    try:
        parse_cron(text)
    except CronSyntaxError as error:
        assert 0 <= error.offset <= len(text)  # noqa: PT017 - both outcomes are right
