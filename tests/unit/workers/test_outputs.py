"""The outputs file: its three forms, its faults, its types."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.outputs import OutputError, parse, read, typed


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", {}),
        ("\n  \n", {}),
        ("a=1\nb=two words\n", {"a": "1", "b": "two words"}),
        ("a=x=y", {"a": "x=y"}),
        ("a=", {"a": ""}),
        ("a=1\r\nb=2\r\n", {"a": "1", "b": "2"}),
        ("a=1\na=2\n", {"a": "2"}),
        ("a<<END\none\n\ntwo\nEND\nb=1\n", {"a": "one\n\ntwo", "b": "1"}),
        ("a<<END\nEND\n", {"a": ""}),
        ("a<<END\n{\nEND not yet\nEND", {"a": "{\nEND not yet"}),
        ('  {"a": 1, "b": [true, null]}\n', {"a": 1, "b": [True, None]}),
    ],
)
def test_forms(text: str, values: dict[str, Any]) -> None:
    assert parse(text.encode()) == values


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"a=1\nrubbish\n", "line 2"),
        (b"1a=1\n", "line 1"),
        (b"a = 1\n", "line 1"),
        (b"a<<END\nno end\n", "line 1"),
        (b"a=1\nb<<\n", "line 2"),
        (b"a=1\nb=\xff\n", "line 2"),
        (b'{"a": 1} {"b": 2}', "not one JSON object"),
        (b"{", "not one JSON object"),
        (b"a=" + b"x" * 65_536, "64 KiB"),
    ],
)
def test_faults_name_the_place(data: bytes, says: str) -> None:
    with pytest.raises(OutputError, match=says):
        parse(data)


@pytest.mark.parametrize(
    ("wanted", "given", "value"),
    [
        ("string", "x", "x"),
        ("integer", " 42 ", 42),
        ("integer", 42, 42),
        ("integer", 42.0, 42),
        ("number", "1.5", 1.5),
        ("number", 2, 2.0),
        ("boolean", "true", True),
        ("boolean", "False", False),
        ("boolean", True, True),
        ("date", "2026-02-28", "2026-02-28"),
        ("datetime", "2026-02-28T10:00:00Z", "2026-02-28T10:00:00+00:00"),
        ("duration", "1h30m", "1h30m"),
        ("duration", "PT15M", "PT15M"),
        ("array", "[1, 2]", [1, 2]),
        ("array", [1], [1]),
        ("object", '{"a": 1}', {"a": 1}),
    ],
)
def test_values_take_the_declared_type(wanted: str, given: Any, value: Any) -> None:
    found = typed({"x": given}, {"x": wanted})["x"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("string", 1),
        ("integer", "1.5"),
        ("integer", "many"),
        ("integer", 1.5),
        ("integer", True),
        ("integer", str(2**63)),
        ("number", "nan"),
        ("number", True),
        ("number", None),
        ("boolean", "yes"),
        ("boolean", 1),
        ("date", "2026-02-30"),
        ("date", 20260228),
        ("datetime", "2026-02-28T10:00:00"),
        ("duration", "soon"),
        ("array", "{}"),
        ("array", "[1"),
        ("object", [1]),
    ],
)
def test_what_does_not_fit_is_refused_by_name(wanted: str, given: Any) -> None:
    with pytest.raises(OutputError, match=f"'x'.*{wanted}"):
        typed({"x": given}, {"x": wanted})


def test_what_was_declared_must_be_there() -> None:
    with pytest.raises(OutputError, match="declared but not written: b, c"):
        typed({"a": "1"}, {"a": "integer", "b": "string", "c": "string"})


def test_what_was_not_declared_stays_as_it_is() -> None:
    assert typed({"a": "1"}, {}) == {"a": "1"}


def test_no_file_is_no_outputs(tmp_path: Path) -> None:
    assert read(tmp_path / "none", {}) == {}


def test_a_directory_in_its_place_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be read"):
        read(tmp_path, {})


@given(st.binary(max_size=200))
def test_nothing_but_an_output_error_comes_of_any_bytes(data: bytes) -> None:
    try:
        values = parse(data)
    except OutputError:
        return
    assert all(isinstance(name, str) for name in values)


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r")).filter(
            lambda text: "EOF" not in text
        ),
        max_size=5,
    )
)
def test_blocks_carry_any_text(values: dict[str, str]) -> None:
    text = "".join(f"{name}<<EOF\n{value}\nEOF\n" for name, value in values.items())
    assert parse(text.encode()) == values
