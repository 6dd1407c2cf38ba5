import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.masking import MASK, MaskedStream, Masks

SECRET = 'pa§s "wörd"/+1'


@pytest.mark.parametrize(
    "shown",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        quote(SECRET, safe="").lower().replace("pa", "pa"),
    ],
)
def test_a_value_is_hidden_however_it_is_written(shown: str) -> None:
    assert Masks([SECRET]).text(f"<{shown}>") == f"<{MASK}>"


@given(
    st.binary(max_size=7),
    st.binary(max_size=7),
    st.text(min_size=4, max_size=40).filter(lambda it: len(it.strip()) > 5),
)
def test_base64_shows_nothing_of_it_wherever_it_begins(before: bytes, after: bytes, secret: str) -> None:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        data = before + secret.encode() + after
        shown = Masks([secret]).hide(encode(data)).replace(MASK.encode(), b"")
        whole = len(encode(data))
        assert len(shown) <= whole - (len(secret.strip().encode()) * 8 // 6 - 2)


def test_a_value_of_several_lines_is_hidden_line_by_line() -> None:
    masks = Masks(["-----BEGIN-----\nabcdef\nx\nghijkl\n"])
    assert masks.text("a abcdef b\nghijkl x") == f"a {MASK} b\n{MASK} x"


def test_a_short_value_is_not_hidden_and_none_costs_nothing() -> None:
    assert not Masks(["abc", ""])
    assert Masks(["abc"]).text("abc") == "abc"
    data = b"anything"
    assert Masks([]).hide(data) is data


@given(st.text("ab\n", max_size=60), st.lists(st.text("ab", min_size=4, max_size=9), min_size=1, max_size=3), st.data())
def test_pieces_hide_what_the_whole_would(text: str, secrets: list[str], data: st.DataObject) -> None:
    masks = Masks(secrets)
    stream = MaskedStream(masks)
    rest, shown = text.encode(), b""
    while rest:
        length = data.draw(st.integers(1, len(rest)))
        shown += stream.feed(rest[:length])
        rest = rest[length:]
    shown += stream.rest()
    assert shown == masks.hide(text.encode())
    assert not any(secret.encode() in shown for secret in secrets)


def test_a_line_that_cannot_begin_a_secret_does_not_wait() -> None:
    assert MaskedStream(Masks(["secret"])).feed(b"hello\n") == b"hello\n"
    assert MaskedStream(Masks(["secret"])).feed(b"hello sec") == b"hello "


def test_outputs_that_show_a_secret_are_found() -> None:
    masks = Masks(["hunter22", "123456"])
    assert masks.shown_in({"a": ["x", {"b": "the hunter22"}]})
    assert masks.shown_in({"hunter22": 1})
    assert masks.shown_in(1234567)
    assert not masks.shown_in({"a": ["x", None, True, 1.5]})
