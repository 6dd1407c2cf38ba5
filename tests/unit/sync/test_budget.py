import pytest

from engine.sync.budget import removals_allowed


@pytest.mark.parametrize(
    ("total", "allowed"), [(1, 3), (3, 3), (15, 3), (20, 4), (49, 9), (50, 10), (51, 10), (10_000, 10)]
)
def test_a_fifth_may_go_but_no_more_than_ten_and_three_always(total: int, allowed: int) -> None:
    assert removals_allowed(total) == allowed
