import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sync.git.semver import RangeError, Version, newest, parse_range, parse_version

# The order that semver.org gives as its example (§11), lowest first.
ORDERED = [
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "2.0.0",
    "2.1.0",
    "2.1.1",
]


def version(text: str) -> Version:
    found = parse_version(text)
    assert found is not None
    return found


def test_versions_are_ordered_as_the_specification_has_it() -> None:
    assert sorted(map(version, reversed(ORDERED))) == list(map(version, ORDERED))


@pytest.mark.parametrize("text", ["1", "1.2", "1.2.3.4", "01.2.3", "1.2.3-", "release-1", "1.2.3-a..b", "1.2.x", ""])
def test_what_is_no_version(text: str) -> None:
    assert parse_version(text) is None


def test_a_tag_may_begin_with_v_and_builds_do_not_count() -> None:
    assert version("v1.2.3+build.5") == version("1.2.3")


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("~1.4", ["1.4.0", "1.4.9"], ["1.5.0", "1.3.9", "2.4.0"]),
        ("~1", ["1.0.0", "1.9.9"], ["2.0.0", "0.9.0"]),
        ("~1.4.2", ["1.4.2", "1.4.9"], ["1.4.1", "1.5.0"]),
        ("^1.2.3", ["1.2.3", "1.9.0"], ["2.0.0", "1.2.2"]),
        ("^0.2.3", ["0.2.3", "0.2.9"], ["0.3.0", "0.2.2"]),
        ("^0.0.3", ["0.0.3"], ["0.0.4"]),
        ("^0", ["0.0.0", "0.9.9"], ["1.0.0"]),
        (">=1.2 <2", ["1.2.0", "1.99.0"], ["2.0.0", "1.1.9"]),
        (">=1.2, <2", ["1.2.0"], ["2.0.0"]),
        (">1.2", ["1.3.0"], ["1.2.9"]),
        (">1.2.3", ["1.2.4"], ["1.2.3"]),
        ("<=1.2", ["1.2.9"], ["1.3.0"]),
        ("<1.2", ["1.1.9"], ["1.2.0"]),
        ("1.x", ["1.0.0", "1.9.0"], ["2.0.0"]),
        ("1.4", ["1.4.7"], ["1.5.0"]),
        ("=1.2.3", ["1.2.3"], ["1.2.4"]),
        ("v1.2.3", ["1.2.3"], ["1.2.4"]),
        ("*", ["0.0.0", "9.9.9"], []),
        (">*", [], ["0.0.0", "1.0.0"]),
        ("<=*", ["0.0.0", "1.0.0"], []),
        ("1.x || >=3 <4", ["1.5.0", "3.1.0"], ["2.0.0", "4.0.0"]),
        (">= 1.2.3", ["1.2.3"], ["1.2.2"]),
    ],
)
def test_ranges(text: str, inside: list[str], outside: list[str]) -> None:
    wanted = parse_range(text)
    assert [item for item in inside + outside if wanted.holds(version(item))] == inside


def test_pre_releases_only_when_named() -> None:
    assert not parse_range(">=1.0.0").holds(version("2.0.0-rc.1"))
    assert not parse_range("*").holds(version("2.0.0-rc.1"))
    named = parse_range(">=2.0.0-rc.1")
    assert named.holds(version("2.0.0-rc.2"))
    assert named.holds(version("2.1.0"))
    assert not named.holds(version("2.1.0-rc.1"))
    assert not parse_range("<2").holds(version("2.0.0-rc.1"))


@pytest.mark.parametrize("text", ["", "||", "1 ||", "latest", ">", "1.2.3.4", "1.2-3", "~>1.2", ">=1.2<2", "1" * 201])
def test_what_is_no_range_says_so(text: str) -> None:
    with pytest.raises(RangeError):
        parse_range(text)


def test_the_newest_tag_of_a_range() -> None:
    tags = ["v1.4.0", "v1.4.10", "v1.4.9", "v1.5.0-rc.1", "nightly", "v2.0.0"]
    assert newest(tags, parse_range("~1.4")) == "v1.4.10"
    assert newest(tags, parse_range("~3")) is None
    assert newest(["v1.0.0", "1.0.0"], parse_range("1")) == "1.0.0"


@given(st.text(max_size=30))
def test_anything_at_all_is_a_range_or_a_range_error(text: str) -> None:
    with contextlib.suppress(RangeError):
        parse_range(text)
    parse_version(text)
