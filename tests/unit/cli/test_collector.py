"""The collector's settings."""

import gc
from collections.abc import Iterator

import pytest

from cli.collector import YOUNG_MAX, rest_while_loading, settle


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)
    gc.enable()


def test_it_rests_while_loading_and_works_afterwards_on_what_is_new() -> None:
    rest_while_loading()
    assert not gc.isenabled()
    settle()
    assert gc.isenabled()
    assert gc.get_threshold()[0] == YOUNG_MAX
    assert gc.get_freeze_count() > 0
