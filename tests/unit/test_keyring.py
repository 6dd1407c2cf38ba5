import base64
import stat
from pathlib import Path

import pytest

from engine.keyring import Keyring, KeyringError

OLD, NEW = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))


def test_what_was_sealed_opens_in_its_place_alone() -> None:
    keyring = Keyring.of_text(OLD)
    sealed = keyring.seal("wert", "data", "TOKEN")
    assert b"wert" not in sealed
    assert keyring.open(sealed, "data", "TOKEN") == "wert"
    for place in (("data", "OTHER"), ("", "TOKEN"), ("data.x", "TOKEN")):
        with pytest.raises(KeyringError, match="changed or moved"):
            keyring.open(sealed, *place)
    assert keyring.seal("wert", "data", "TOKEN") != sealed


def test_the_first_key_encrypts_and_all_decrypt() -> None:
    sealed = Keyring.of_text(OLD).seal("x", "", "A")
    both = Keyring.of_text(f"{NEW}, {OLD}")
    assert both.open(sealed, "", "A") == "x"
    assert not both.is_current(sealed)
    assert both.is_current(both.seal("x", "", "A"))
    with pytest.raises(KeyringError, match="a key that is not here"):
        Keyring.of_text(NEW).open(sealed, "", "A")


@pytest.mark.parametrize("text", ["short", base64.b64encode(b"x" * 16).decode()])
def test_a_bad_key_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(KeyringError, match="key 1 is not base64 of 32 bytes") as caught:
        Keyring.of_text(text)
    assert text not in str(caught.value)


def test_without_a_key_it_says_what_to_do() -> None:
    with pytest.raises(KeyringError, match="openssl rand"):
        Keyring([]).seal("x", "", "A")


def test_the_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "secret.key"
    first, second = Keyring.of_file(path), Keyring.of_file(path)
    assert not path.exists()
    sealed = first.seal("x", "", "A")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert second.open(sealed, "", "A") == "x"
    assert Keyring.of_file(path).open(sealed, "", "A") == "x"
