from hypothesis import given
from hypothesis import strategies as st

from engine.store.plain_text import plain_text


def test_what_cannot_be_stored_is_replaced_and_the_rest_kept() -> None:
    assert plain_text("a\0b \U0001f600 ä") == "a\ufffdb \U0001f600 ä"


@given(st.text(st.characters(codec=None, exclude_categories=[])))
def test_any_text_can_be_encoded(text: str) -> None:
    assert "\0" not in plain_text(text).encode().decode()
