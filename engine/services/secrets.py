"""Secrets: set, deleted, listed, encrypted afresh by people; read by the engine when an attempt is claimed.

A secret belongs to a namespace. A workflow sees those of its own, of its parents by the dots in the name
(`data.reporting`, `data`), and of the installation (the empty namespace); the nearest one of a name counts.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from engine.keyring import Keyring, KeyringError
from engine.services.refusals import ActionError, UnknownError
from engine.store import secrets as store
from engine.store.connection import Connection
from engine.store.database import Database

VALUE_BYTES_MAX: Final = 64 * 1024
ROTATE_BITE: Final = 100
NAME: Final = re.compile(r"[A-Z][A-Z0-9_]{0,99}")
NAMESPACE: Final = re.compile(r"(?:[a-z0-9][a-z0-9._-]{0,99})?")


class SecretError(ActionError):
    """A secret cannot be set or read as asked; the message shows no value."""


@dataclass(frozen=True, slots=True)
class Found:
    """What reading gave: values by name, and for the others why there is none."""

    values: dict[str, str]
    faults: dict[str, str]


class Secrets:
    """The secrets of an installation. Any thread may call."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    def put(self, namespace: str, name: str, value: str) -> store.SecretRow:
        """Set a secret. Raises `SecretError`."""
        _check(namespace, name)
        if not 0 < len(value.encode()) <= VALUE_BYTES_MAX:
            raise SecretError(f"secret {name}: a value has 1 to {VALUE_BYTES_MAX // 1024} KiB of text")
        if "\0" in value:
            raise SecretError(f"secret {name}: a value is text, without the character U+0000\n  hint: encode it")
        try:
            sealed = self._keyring.seal(value, namespace, name)
        except KeyringError as error:
            raise SecretError(str(error)) from error
        with self._database.write() as connection:
            return store.put_secret(connection, namespace, name, sealed, self._database.now())

    def delete(self, namespace: str, name: str) -> None:
        """Delete a secret. Raises `UnknownError`."""
        with self._database.write() as connection:
            gone = store.delete_secret(connection, namespace, name)
        if not gone:
            raise UnknownError(f"there is no secret {name} in {_shown(namespace)}")

    def rotate(self) -> int:
        """Encrypt afresh, with the first key, what other keys encrypted; return how many. Raises `SecretError`."""
        after: tuple[str, str] | None = None
        done = 0
        while True:
            with self._database.write() as connection:
                rows = store.all_sealed(connection, after=after, limit=ROTATE_BITE)
                done += sum(self._reseal(connection, *row) for row in rows)
            if len(rows) < ROTATE_BITE:
                return done
            after = rows[-1][:2]

    def read(self, namespace: str, names: Collection[str]) -> Found:
        """Return the values that a workflow of that namespace sees. Raises what the store raises."""
        places = lineage(namespace)
        with self._database.read() as connection:
            sealed = store.sealed_secrets(connection, places, names)
        found = Found({}, {})
        for name in names:
            place = next((place for place in places if (place, name) in sealed), None)
            if place is None:
                found.faults[name] = missing(namespace, name)
                continue
            try:
                found.values[name] = self._keyring.open(sealed[place, name], place, name)
            except KeyringError as error:
                found.faults[name] = str(error)
        return found

    def value_of(self, namespace: str, name: str) -> str:
        """Return one value. Raises `LookupError` with a message that says what to do, and what the store raises."""
        found = self.read(namespace, [name])
        if name in found.faults:
            raise LookupError(found.faults[name])
        return found.values[name]

    def _reseal(self, connection: Connection, namespace: str, name: str, version: int, sealed: bytes) -> bool:
        try:
            if self._keyring.is_current(sealed):
                return False
            fresh = self._keyring.seal(self._keyring.open(sealed, namespace, name), namespace, name)
        except KeyringError as error:
            raise SecretError(str(error)) from error
        return store.reseal(connection, namespace, name, version, fresh)


def lineage(namespace: str) -> tuple[str, ...]:
    """Return the namespace, its parents by dots, and the empty one of the installation: the nearest first."""
    parts = namespace.split(".")
    return (*(".".join(parts[:count]) for count in range(len(parts), 0, -1) if namespace), "")


def missing(namespace: str, name: str) -> str:
    """Say that there is no such secret, and how to set it."""
    return (
        f"there is no secret {name} for namespace {namespace}\n"
        f"  hint: chronoverse secret set {name} --namespace {namespace}"
    )


def _check(namespace: str, name: str) -> None:
    if not NAME.fullmatch(name):
        raise SecretError(f"{name!r} is no name of a secret\n  hint: upper-case letters, digits and _, as in API_TOKEN")
    if not NAMESPACE.fullmatch(namespace):
        raise SecretError(f"{namespace!r} is no namespace\n  hint: lower-case letters, digits, dots, _ and -")


def _shown(namespace: str) -> str:
    return f"namespace {namespace}" if namespace else "the installation"
