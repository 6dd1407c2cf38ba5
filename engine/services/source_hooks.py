"""Push webhooks of forges: a signed request that has a source looked at now, and its new commit waited for.

The wish to sync is a wake-up: nothing is lost with it but time. The commit that was announced is entered with the
delivery's name, in one transaction: sent again within a day, a delivery is answered as before and does nothing.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from engine.clock import Clock
from engine.forges import FORGES, Forge, ForgeConfigError, HookConfig
from engine.forges.interface import Delivery, Push
from engine.services.secrets import Secrets
from engine.signed_requests import UnsignedError, lowered
from engine.store import commits
from engine.store.database import Database
from engine.store.idempotency import StoredAnswer, find_answer, keep_answer
from engine.store.reads_sources import SourceRow, read_source

log = logging.getLogger(__name__)

HEADS: Final = "refs/heads/"
TAGS: Final = "refs/tags/"


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of a delivery: `synced`, `ignored` or `pong`, why, and the commit that is waited for now."""

    outcome: str
    message: str
    commit: str | None = None


class SourceHooks:
    """Receives what forges send. May be called from any thread. `sync_now` has a source looked at."""

    def __init__(self, database: Database, secrets: Secrets, clock: Clock, sync_now: Callable[[str], bool]) -> None:
        self._database = database
        self._secrets = secrets
        self._clock = clock
        self._sync_now = sync_now

    def receive(self, name: str, headers: Mapping[str, str], body: bytes) -> Heard:
        """Check the signature, and have the source synced if the push is one of its own.

        Raises `UnsignedError` before anything is read, `BodyError`.
        """
        headers = lowered(headers)
        source, forge = self._checked(name, headers, body)
        scope, key = f"push:{name}", _key(forge, headers, body)
        with self._database.read() as connection:
            known = find_answer(connection, scope, key, self._clock())
        if known is not None:
            return Heard(**known.response)
        delivery = forge.read(headers, body)
        push = next((push for push in delivery.pushes if is_followed(source.config, push)), None)
        if push is None:
            return _nothing(delivery, source)
        if "suspended" in source.config:
            return Heard("ignored", f"{name} is suspended; what was pushed is looked at when it goes on")
        heard = self._keep(source, push, scope, key)
        self._sync_now(name)  # after the commit: who looks now finds the commit entered
        return heard

    def _checked(self, name: str, headers: Mapping[str, str], body: bytes) -> tuple[SourceRow, Forge]:
        """Return the source and its forge, which has signed the request. Raises `UnsignedError`."""
        with self._database.read() as connection:
            source = read_source(connection, name)
        config = _hook(source)
        if source is not None and config is not None:
            found = self._secrets.read(str(source.config.get("namespace", "")), config.secrets)
            forge, now = FORGES[config.forge], self._clock().timestamp()
            for secret in config.secrets:
                value = found.values.get(secret, "")
                if value and forge.is_signed(value, headers, body, now):
                    return source, forge
            log.warning("source %s: its hook refused a request: %s", name, found.faults.get(config.secret, "signature"))
        raise UnsignedError(
            "the request is not signed with the secret of this source's hook, or there is no such source"
        )

    def _keep(self, source: SourceRow, push: Push, scope: str, key: str) -> Heard:
        now = self._clock()
        heard = Heard("synced", f"{source.name} is being looked at", push.commit)
        response = {"outcome": heard.outcome, "message": heard.message, "commit": heard.commit}
        with self._database.write() as connection:
            new = keep_answer(connection, scope, key, StoredAnswer("", 202, response), now)
            if new and push.commit is not None:
                commits.see(
                    connection,
                    source.name,
                    push.commit,
                    now,
                    author=push.author,
                    title=push.title,
                    report=bool(source.config.get("status")),
                )
        return heard


def is_followed(config: Mapping[str, Any], push: Push) -> bool:
    """Whether a source with that configuration follows the reference that was pushed."""
    if branch := config.get("branch"):
        return push.ref == f"{HEADS}{branch}"
    if tag := config.get("tag"):
        return push.ref == f"{TAGS}{tag}"
    if config.get("semver"):
        return push.ref.startswith(TAGS)
    if config.get("commit"):
        return False
    return push.ref.startswith(HEADS) and push.default_branch in {"", push.ref.removeprefix(HEADS)}


def _hook(source: SourceRow | None) -> HookConfig | None:
    given = source.config.get("hook") if source is not None else None
    try:
        return None if given is None else HookConfig.read(given)
    except ForgeConfigError:  # it was checked when it was entered, maybe by another version
        return None


def _key(forge: Forge, headers: Mapping[str, str], body: bytes) -> str:
    """Return what a delivery that is sent again has as well."""
    name = forge.delivery_id(headers)
    return hashlib.sha256(name.encode("utf-8", "replace") if name else body).hexdigest()


def _nothing(delivery: Delivery, source: SourceRow) -> Heard:
    if delivery.ping:
        return Heard("pong", f"{source.name} hears you")
    if not delivery.pushes:
        return Heard("ignored", f"the event {delivery.event[:100]!r} is none that is listened to: send pushes")
    refs = ", ".join(push.ref[:100] for push in delivery.pushes[:5])
    return Heard("ignored", f"not what {source.name} follows: {refs}")
