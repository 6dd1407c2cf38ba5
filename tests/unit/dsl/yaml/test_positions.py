"""Where the n-th code point of a scalar's value was written, for generated scalars of all five styles."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dsl.yaml.parser import parse
from dsl.yaml.positions import text_span, value_map
from dsl.yaml.source import Source

WORDS = st.sampled_from(["abc", "x y", "é𝛼", "a  b", "it's", 'say "x"', "${{ a }}", "#x"])
LINES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["", "", " ", "  "]), WORDS, st.sampled_from(["", " "])).map("".join),
        st.sampled_from(["", "   "]),
    ),
    min_size=1,
    max_size=6,
)
BREAKS = st.sampled_from(["\n", "\r\n"])
PROPERTIES = st.sampled_from(["", "&a ", "!!str ", "&a !!str "])


def scalar(text: str) -> tuple[Source, Any]:
    source = Source(text)
    roots, fault = parse(source)
    if fault is not None:
        return source, None
    return source, roots[0].value[0][1]


def assert_every_code_point_is_found(text: str) -> None:
    source, node = scalar(text)
    assume(node is not None and node.value.strip())
    mapped = value_map(source, node)
    assert mapped is not None
    assert mapped.text == node.value
    assert len(mapped.indexes) == len(node.value)
    assert mapped.indexes == sorted(mapped.indexes)
    for character, index in zip(node.value, mapped.indexes, strict=True):
        if not character.isspace() and text[index] != "\\":
            assert text[index] == character


@given(LINES, BREAKS, PROPERTIES, st.sampled_from("|>"), st.sampled_from(["", "+", "-", "2", "2-", "+2"]))
def test_block_scalars(lines: list[str], end: str, before: str, style: str, header: str) -> None:
    body = end.join(f"  {line}" for line in lines)
    assert_every_code_point_is_found(f"k: {before}{style}{header} # note{end}{body}{end}{end}z: 1")


@given(LINES, BREAKS)
def test_plain_scalars(lines: list[str], end: str) -> None:
    body = end.join(f"  {line.strip()}" for line in lines)
    assert_every_code_point_is_found(f"k: {body}{end}z: 1")


@given(LINES, BREAKS, PROPERTIES)
def test_single_quoted_scalars(lines: list[str], end: str, before: str) -> None:
    quoted = end.join("  " + line.replace("'", "''") for line in lines)
    assert_every_code_point_is_found(f"k: {before}'{quoted}'{end}")


@given(LINES, BREAKS, PROPERTIES, st.sampled_from(["", "\\", "\\n", "\\t", "\\x41", "\\U0001F600", '\\"']))
def test_double_quoted_scalars(lines: list[str], end: str, before: str, escape: str) -> None:
    quoted = end.join("  " + line.replace('"', '\\"') + escape for line in lines)
    assert_every_code_point_is_found(f'k: {before}"{quoted}"{end}')


@pytest.mark.parametrize(
    ("text", "offset", "line", "column"),
    [
        ("k: abc\n", 1, 1, 5),
        ("k: 'it''s x'\n", 3, 1, 9),
        ('k: "a\\tb"\n', 2, 1, 8),
        ("k: |\n  one\n  two\n", 4, 3, 3),
        ("k: >\n  one\n  two\n\n  three\n", 8, 5, 3),
        ("k: &a !!str\n  abc\n", 0, 2, 3),
    ],
)
def test_positions_by_hand(text: str, offset: int, line: int, column: int) -> None:
    source, node = scalar(text)
    assert text_span(source, node, offset, 1)[:2] == (line, column)


def test_an_offset_past_the_end_is_the_end() -> None:
    source, node = scalar("k: abc\n")
    assert text_span(source, node, 99, 5) == (1, 7, 1, 8)
