"""Secrets as rows: encrypted values by namespace and name. Nothing here can read one."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, tuple_, update

from engine.store.membership import one_of
from engine.store.tables import secrets


@dataclass(frozen=True, slots=True)
class SecretRow:
    """What may be shown of a secret. `namespace` is empty for one of the whole installation."""

    namespace: str
    name: str
    version: int
    created_at: datetime
    updated_at: datetime


def put_secret(connection: Connection, namespace: str, name: str, sealed: bytes, now: datetime) -> SecretRow:
    """Insert a secret, or give it a new value and the next version."""
    where = (secrets.c.namespace == namespace, secrets.c.name == name)
    values = {"sealed": sealed, "version": secrets.c.version + 1, "updated_at": now}
    if connection.execute(update(secrets).where(*where).values(values)).rowcount == 0:
        row = {"namespace": namespace, "name": name, "version": 1, "sealed": sealed, "created_at": now}
        connection.execute(insert(secrets).values(**row, updated_at=now))
    return SecretRow(*connection.execute(select(*_SHOWN).where(*where)).one())


def delete_secret(connection: Connection, namespace: str, name: str) -> bool:
    """Delete a secret; return whether there was one."""
    where = (secrets.c.namespace == namespace, secrets.c.name == name)
    return connection.execute(delete(secrets).where(*where)).rowcount > 0


def list_secrets(
    connection: Connection, namespace: str | None, *, after: tuple[str, str] | None, limit: int
) -> list[SecretRow]:
    """Return secrets by namespace and name, those of one namespace only if it is given."""
    query = select(*_SHOWN).order_by(secrets.c.namespace, secrets.c.name).limit(limit)
    if namespace is not None:
        query = query.where(secrets.c.namespace == namespace)
    if after is not None:
        query = query.where(tuple_(secrets.c.namespace, secrets.c.name) > tuple_(*after))
    return [SecretRow(*row) for row in connection.execute(query)]


def sealed_secrets(
    connection: Connection, namespaces: Collection[str], names: Collection[str]
) -> dict[tuple[str, str], bytes]:
    """Return the encrypted values of these names in these namespaces, by (namespace, name)."""
    where = (one_of(secrets.c.namespace, namespaces), one_of(secrets.c.name, names))
    query = select(secrets.c.namespace, secrets.c.name, secrets.c.sealed).where(*where)
    return {(row.namespace, row.name): row.sealed for row in connection.execute(query)}


def all_sealed(
    connection: Connection, *, after: tuple[str, str] | None, limit: int
) -> list[tuple[str, str, int, bytes]]:
    """Return (namespace, name, version, encrypted value) of the secrets that follow `after`."""
    query = select(secrets.c.namespace, secrets.c.name, secrets.c.version, secrets.c.sealed)
    if after is not None:
        query = query.where(tuple_(secrets.c.namespace, secrets.c.name) > tuple_(*after))
    found = connection.execute(query.order_by(secrets.c.namespace, secrets.c.name).limit(limit))
    return [(row.namespace, row.name, row.version, row.sealed) for row in found]


def reseal(connection: Connection, namespace: str, name: str, version: int, sealed: bytes) -> bool:
    """Replace the encryption, not the value, unless the secret was set meanwhile; return whether it was done."""
    where = (secrets.c.namespace == namespace, secrets.c.name == name, secrets.c.version == version)
    return connection.execute(update(secrets).where(*where).values(sealed=sealed)).rowcount > 0


_SHOWN = (secrets.c.namespace, secrets.c.name, secrets.c.version, secrets.c.created_at, secrets.c.updated_at)
