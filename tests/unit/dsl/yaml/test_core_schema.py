"""What plain scalars mean."""

from typing import Any

import pytest

from dsl.yaml.core_schema import UnfitNumberError, is_text, resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("Null", None),
        ("true", True),
        ("FALSE", False),
        ("0", 0),
        ("-12", -12),
        ("0o17", 15),
        ("0xfF", 255),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("9223372036854775807", 9223372036854775807),
    ],
)
def test_words_and_numbers(text: str, value: Any) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


@pytest.mark.parametrize(
    "text", ["on", "yes", "no", "off", "y", "12:30", "0755", "017", "2026-01-01", "1_000", "+", ".", "-x", "0b1", "1e"]
)
def test_what_yaml_1_1_would_convert_stays_text(text: str) -> None:
    assert resolve(text) == text


@pytest.mark.parametrize("text", [".inf", "-.INF", ".nan", "9223372036854775808", "1" * 5000, "1e999", "0x" + "f" * 17])
def test_what_json_or_64_bits_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(UnfitNumberError):
        resolve(text)
    assert not is_text(text)
