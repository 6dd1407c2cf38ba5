"""Webhooks as people declare them: added, listed, removed; their deliveries, and those tried again."""

import base64
import binascii
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from engine.clock import Clock, system_clock
from engine.events import CHOICES, Wanted
from engine.keyring import Keyring
from engine.services.refusals import ActionError, ConflictError, UnknownError
from engine.services.webhooks.letters import MAILTO, recipients
from engine.services.webhooks.posting import SECRET_PREFIX
from engine.store import webhooks as store
from engine.store.connection import Connection
from engine.store.database import Database

KEY_PLACE: Final = "outgoing webhooks"
"""Where the keyring is told that the secrets stand."""
NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
PATTERN: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}?(?:\.\*)?")
"""A namespace, or one with all below it."""
URL_LENGTH_MAX: Final = 2_000
WEBHOOKS_MAX: Final = 100
SECRET_BYTES: Final = (24, 64)
"""How long a secret is, by Standard Webhooks 1.0."""
_ADDRESS: Final = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+")


class WebhookError(ActionError):
    """A webhook cannot be declared as asked."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A webhook that was just declared; the only time that its secret is shown. E-mail has none."""

    webhook: store.WebhookRow
    secret: str = field(repr=False)


class Webhooks:
    """The outgoing webhooks of an installation. Any thread may call."""

    def __init__(self, database: Database, keyring: Keyring, clock: Clock = system_clock) -> None:
        self._database = database
        self._keyring = keyring
        self._clock = clock

    def add(self, name: str, url: str, wanted: Wanted, secret: str | None = None) -> Declared:
        """Declare a webhook; it is told of what happens from now on. Without a secret one is drawn.

        Raises `WebhookError`, `ConflictError` for a name that is taken, and `KeyringError` where there is no key.
        """
        _check(name, url, wanted, secret)
        secret = "" if recipients(url) else secret or _drawn()
        sealed = self._keyring.seal(secret, KEY_PLACE, name) if secret else b""
        with self._database.write() as connection:
            if store.count_webhooks(connection) >= WEBHOOKS_MAX:
                raise ConflictError(f"there are {WEBHOOKS_MAX} webhooks already\n  hint: remove one that is not needed")
            if not store.add_webhook(connection, name, url, wanted, sealed, self._clock()):
                raise ConflictError(f"there is a webhook {name} already\n  hint: remove it, or take another name")
            return Declared(_known(connection, name), secret)

    def remove(self, name: str) -> None:
        """Remove a webhook and its deliveries. Raises `UnknownError`."""
        with self._database.write() as connection:
            if not store.remove_webhook(connection, name):
                raise _unknown(name)

    def all(self) -> list[store.WebhookRow]:
        """Return all of them by name."""
        with self._database.read() as connection:
            return store.list_webhooks(connection)

    def get(self, name: str) -> store.WebhookRow:
        """Return one. Raises `UnknownError`."""
        with self._database.read() as connection:
            return _known(connection, name)

    def deliveries(
        self, name: str, *, states: Sequence[str], before: str | None, limit: int
    ) -> list[store.DeliveryRow]:
        """Return deliveries, newest first, with ids below `before`. Raises `UnknownError`."""
        with self._database.read() as connection:
            _known(connection, name)
            return store.list_deliveries(connection, name, states=states, before=before, limit=limit)

    def replay(self, name: str, delivery_id: str) -> store.DeliveryRow:
        """Have one delivery tried again from the beginning, under its id. Raises `UnknownError`."""
        with self._database.write() as connection:
            _known(connection, name)
            store.replay(connection, name, delivery_id, self._clock())
            found = store.find_delivery(connection, name, delivery_id)
        if found is None:
            raise UnknownError(f"webhook {name} has no delivery {delivery_id}\n  hint: chronoverse webhook deliveries")
        return found

    def replay_dead(self, name: str) -> int:
        """Have all deliveries that were given up tried again; return how many. Raises `UnknownError`."""
        with self._database.write() as connection:
            _known(connection, name)
            return store.replay_dead(connection, name, self._clock())


def _known(connection: Connection, name: str) -> store.WebhookRow:
    found = store.find_webhook(connection, name)
    if found is None:
        raise _unknown(name)
    return found


def _unknown(name: str) -> UnknownError:
    return UnknownError(f"there is no webhook {name}\n  hint: chronoverse webhook list")


def _drawn() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES[0])).decode()


def _check(name: str, url: str, wanted: Wanted, secret: str | None) -> None:
    if not NAME.fullmatch(name):
        raise WebhookError(f"{name!r} is no name of a webhook\n  hint: lower-case letters, digits, dots, _ and -")
    for kind in wanted.kinds:
        if kind not in CHOICES:
            raise WebhookError(f"{kind!r} is no kind of event\n  hint: one of {', '.join(CHOICES)}")
    for namespace in wanted.namespaces:
        if not PATTERN.fullmatch(namespace):
            raise WebhookError(f"{namespace!r} is no namespace\n  hint: write data, or data.* with all below it")
    if url.startswith(MAILTO):
        _check_mail(url, secret)
        return
    _check_url(url)
    if secret is not None and not _is_secret(secret):
        low, high = SECRET_BYTES
        raise WebhookError(
            f"the secret is none of Standard Webhooks\n"
            f"  hint: {SECRET_PREFIX} and {low} to {high} bytes in base64; leave it out and one is drawn"
        )


def _check_mail(url: str, secret: str | None) -> None:
    addresses = recipients(url)
    if not addresses or len(url) > URL_LENGTH_MAX or not all(_ADDRESS.fullmatch(each) for each in addresses):
        raise WebhookError(f"{url!r} names no e-mail address\n  hint: mailto:ops@example.com,data@example.com")
    if secret is not None:
        raise WebhookError("an e-mail has no secret\n  hint: leave it out")


def _check_url(url: str) -> None:
    hint = "hint: https://example.com/hook, or mailto:ops@example.com"
    odd = len(url) > URL_LENGTH_MAX or any(letter.isspace() or not letter.isprintable() for letter in url)
    if odd or not _leads_somewhere(url):
        raise WebhookError(f"the URL is none that events can be sent to\n  {hint}")
    if "@" in urlsplit(url).netloc:
        raise WebhookError("the URL has a user or a password in it\n  hint: receivers know us by the signature")


def _leads_somewhere(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_secret(text: str) -> bool:
    low, high = SECRET_BYTES
    try:
        raw = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return False
    return text.startswith(SECRET_PREFIX) and low <= len(raw) <= high
