"""Passwords: kept as hashes only, checked alike for those who exist and those who do not."""

import pytest

from engine.accounts import passwords
from engine.accounts.passwords import WeakPasswordError
from engine.accounts.tokens import API_PREFIX, digest, made

PASSWORD = "correct horse battery"


def test_a_hash_says_how_it_was_made_and_fits_its_password_alone() -> None:
    stored = passwords.hashed(PASSWORD)
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.fits(PASSWORD, stored)
    assert not passwords.fits(PASSWORD + "!", stored)


@pytest.mark.parametrize("stored", [None, "", "nonsense"])
def test_without_a_hash_nothing_fits(stored: str | None) -> None:
    assert not passwords.fits(PASSWORD, stored)


@pytest.mark.parametrize("password", ["", "short", "x" * 1_001])
def test_what_is_too_short_or_too_long_is_not_taken(password: str) -> None:
    with pytest.raises(WeakPasswordError, match="12 to 1,000"):
        passwords.hashed(password)


def test_tokens_differ_and_are_kept_as_digests() -> None:
    first, second = made(API_PREFIX), made(API_PREFIX)
    assert first != second
    assert len(first) == len(API_PREFIX) + 43
    assert len(digest(first)) == 64
    assert first not in digest(first)
