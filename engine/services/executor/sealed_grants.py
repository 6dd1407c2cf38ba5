"""After the commit, before the reply: secrets go into the grants that name them.

Their values are read now, used for these messages and forgotten. A grant that cannot be made ends its attempt.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

import msgspec

from engine.broker.interface import Broker
from engine.machine.changes import Command, GrantAttempt
from engine.machine.sealed import SealedError, registry_of
from engine.machine.states import Reason
from engine.services.executor.ungrantable import end_attempt
from engine.services.secrets import Found, Secrets
from engine.store.errors import StoreError
from engine.telemetry.logs import about_attempt

log = logging.getLogger(__name__)


class SealedGrants:
    """Opens sealed grants. Called by the executor's thread."""

    def __init__(self, broker: Broker, secrets: Secrets | None) -> None:
        self._broker = broker
        self._secrets = secrets

    def open(self, commands: Iterable[Command], now: datetime) -> list[Command]:
        """Return the commands with every grant as it is to be sent, in the same order.

        Where the store does not answer, a grant is left out: its worker asks again.
        """
        opened = (
            self._opened(command, now) if isinstance(command, GrantAttempt) and command.sealed else command
            for command in commands
        )
        return [command for command in opened if command is not None]

    def _opened(self, grant: GrantAttempt, now: datetime) -> Command | None:
        assert grant.sealed is not None
        try:
            found = self._read(grant)
        except StoreError as error:
            said = about_attempt(grant.attempt, grant.trace)
            log.warning("attempt %s waits for its secrets: %s", grant.attempt, error, extra=said)
            return None
        if found.faults:
            message = "; ".join(fault for _, fault in sorted(found.faults.items()))
            return end_attempt(self._broker, grant, Reason.SECRET, message, now)
        try:
            spec, env = grant.sealed.open(found.values)
        except SealedError as error:
            return end_attempt(self._broker, grant, Reason.EXPRESSION, str(error), now)
        masks = _masks(found.values, registry_of(grant.sealed.task))
        return replace(grant, spec=spec, env=env, sealed=None, masks=masks)

    def _read(self, grant: GrantAttempt) -> Found:
        if self._secrets is None:
            return Found({}, dict.fromkeys(grant.secrets, "this engine has no secrets"))
        return self._secrets.read(grant.namespace, grant.secrets)


def _masks(values: Mapping[str, str], registry: str | None) -> tuple[str, ...]:
    """Return what must not be shown: the values, and the parts of the one that signs in to a registry."""
    parts = _parts(values[registry]) if registry in values and registry is not None else ()
    return (*values.values(), *parts)


def _parts(value: str) -> tuple[str, ...]:
    try:
        pair = msgspec.json.decode(value, type=dict[str, str])
    except msgspec.DecodeError:
        return (value.partition(":")[2],)
    return (pair["password"],) if "password" in pair else ()
