"""The keys that secrets are encrypted with: AES-256-GCM, bound to the place of each secret.

A sealed value is a version byte, four bytes that name the key, a nonce of 12 bytes, and the ciphertext with its tag.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # cryptography costs 6 MB, and is needed only where there are secrets
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VARIABLE: Final = "CHRONOVERSE_SECRET_KEY"
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
_VERSION: Final = b"\x01"
_HEAD: Final = 1 + 4


class KeyringError(Exception):
    """Secrets cannot be encrypted or read; the message says why and what to do, and shows no key."""


class Keyring:
    """Encrypts with the first key, decrypts with any. Without keys it can do neither, and says so when asked."""

    def __init__(self, keys: Sequence[bytes], *, make: Callable[[], bytes] | None = None) -> None:
        """Take keys of 32 bytes. `make` gives the key where there is none yet, when one is first needed."""
        self._keys = list(keys)
        self._make = make

    @classmethod
    def of_text(cls, text: str) -> "Keyring":
        """Return the keys in a setting: base64, separated by commas or white space. Raises `KeyringError`."""
        return cls([_key(part, number) for number, part in enumerate(text.replace(",", " ").split(), start=1)])

    @classmethod
    def of_file(cls, path: Path) -> "Keyring":
        """Return the keys kept in a file, which is made, readable by its owner alone, when a key is first needed."""
        return cls(_read(path), make=lambda: _made(path))

    def seal(self, value: str, namespace: str, name: str) -> bytes:
        """Encrypt a value for that place. Raises `KeyringError` without a key."""
        key = self._known()[0]
        nonce = os.urandom(NONCE_BYTES)
        sealed = _cipher(key).encrypt(nonce, value.encode(), _place(namespace, name))
        return _VERSION + _name_of(key) + nonce + sealed

    def open(self, data: bytes, namespace: str, name: str) -> str:
        """Decrypt what was encrypted for that place. Raises `KeyringError`."""
        key = next((key for key in self._known() if data[:_HEAD] == _VERSION + _name_of(key)), None)
        if key is None:
            raise KeyringError(
                f"secret {name} was encrypted with a key that is not here\n"
                f"  hint: add that key to {VARIABLE}, after the one that encrypts, or set the secret again"
            )
        nonce, sealed = data[_HEAD : _HEAD + NONCE_BYTES], data[_HEAD + NONCE_BYTES :]
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - see above

        try:
            return _cipher(key).decrypt(nonce, sealed, _place(namespace, name)).decode()
        except InvalidTag:
            raise KeyringError(
                f"secret {name} was changed or moved in the database\n  hint: set the secret again"
            ) from None

    def is_current(self, data: bytes) -> bool:
        """Whether it was encrypted with the first key. Raises `KeyringError` without a key."""
        return data[:_HEAD] == _VERSION + _name_of(self._known()[0])

    def _known(self) -> list[bytes]:
        if not self._keys and self._make is not None:
            self._keys = [self._make()]
        if not self._keys:
            raise KeyringError(
                "there is no key for secrets\n"
                f"  hint: give the API and the engine the same {VARIABLE}; `openssl rand -base64 32` makes one"
            )
        return self._keys


def _cipher(key: bytes) -> "AESGCM":
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - see above

    return AESGCM(key)


def _place(namespace: str, name: str) -> bytes:
    """Return the associated data: a value copied to another row cannot be read there."""
    return f"chronoverse secret\0{namespace}\0{name}".encode()


def _name_of(key: bytes) -> bytes:
    return hashlib.sha256(b"chronoverse key\0" + key).digest()[:4]


def _key(text: str, number: int) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyringError(
            f"{VARIABLE}: key {number} is not base64 of {KEY_BYTES} bytes\n  hint: `openssl rand -base64 32` makes one"
        )
    return key


def _read(path: Path) -> list[bytes]:
    try:
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeError) as error:
        raise KeyringError(f"{path} cannot be read: {error}\n  hint: it holds the key of all secrets") from error
    return [_key(part, number) for number, part in enumerate(text.split(), start=1)]


def _made(path: Path) -> bytes:
    """Make the file with a fresh key, or return the key of the one that has come to be meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    key = os.urandom(KEY_BYTES)
    try:
        with suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(base64.b64encode(key) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            return key
    except OSError as error:
        raise KeyringError(f"{path} cannot be written: {error}\n  hint: make its directory writable") from error
    return _read(path)[0]
