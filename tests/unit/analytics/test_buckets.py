from datetime import UTC, datetime

from engine.analytics import Width, bucket_of

MOMENT = datetime(2026, 3, 29, 23, 59, 59, 999999, tzinfo=UTC)


def test_a_moment_belongs_to_the_hour_and_day_it_lies_in() -> None:
    assert bucket_of(MOMENT, Width.HOUR) == datetime(2026, 3, 29, 23, tzinfo=UTC)
    assert bucket_of(MOMENT, Width.DAY) == datetime(2026, 3, 29, tzinfo=UTC)
    assert bucket_of(bucket_of(MOMENT, Width.HOUR), Width.HOUR) == bucket_of(MOMENT, Width.HOUR)


def test_a_bucket_is_as_long_as_it_says() -> None:
    for width in Width:
        begun = bucket_of(MOMENT, width)
        assert begun <= MOMENT < begun + width.length
