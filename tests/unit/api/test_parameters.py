from datetime import UTC, datetime

import pytest

from api.parameters import cursor_number, page, read_key, read_labels, read_moment, read_workflow, run_id
from api.problems import RefusedError


def test_a_moment_is_read_with_any_offset_and_given_in_utc():
    assert read_moment("since", "2026-01-31T12:00:00+02:00") == datetime(2026, 1, 31, 10, tzinfo=UTC)
    assert read_moment("since", "2026-01-31T12:00:00 02:00") == datetime(2026, 1, 31, 10, tzinfo=UTC)
    assert read_moment("since", "2026-01-31T12:00:00Z") == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert read_moment("since", None) is None


@pytest.mark.parametrize("text", ["", "now", "2026-01-31T12:00:00", "2026-02-31T12:00:00Z"])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(RefusedError) as caught:
        read_moment("since", text)
    assert caught.value.faults[0].place == "query.since"
    assert caught.value.faults[0].hint


def test_labels_may_hold_colons_in_their_values():
    assert read_labels(["a:b:c", "d:"]) == [("a", "b:c"), ("d", "")]
    assert read_labels(None) == []


@pytest.mark.parametrize("text", ["a", ":b", ""])
def test_a_label_without_key_or_colon_is_refused(text):
    with pytest.raises(RefusedError):
        read_labels([text])


@pytest.mark.parametrize("text", ["a", "/a", "a/", "a/b/c"])
def test_what_names_no_workflow_is_refused(text):
    with pytest.raises(RefusedError):
        read_workflow(text)


@pytest.mark.parametrize("text", ["-1", "1.5", "x", "", "9999999999", "\u0661"])
def test_what_is_no_cursor_is_refused(text):
    with pytest.raises(RefusedError):
        cursor_number(text)


def test_a_run_id_is_given_in_its_usual_form():
    assert run_id("01A20974-63EC-7267-9D65-46CAE19FE1C3") == "01a20974-63ec-7267-9d65-46cae19fe1c3"


def test_a_key_is_bounded_and_printable():
    assert read_key(None) is None
    assert read_key("k" * 200) == "k" * 200
    for text in ("", "k" * 201, "a\nb"):
        with pytest.raises(RefusedError):
            read_key(text)


def test_a_page_says_whether_more_follow():
    assert page([1, 2, 3], 2) == ([1, 2], True)
    assert page([1, 2], 2) == ([1, 2], False)
