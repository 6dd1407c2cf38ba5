"""Accounts, their roles and tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, insert, select, update

from engine.accounts.roles import EVERYWHERE, Grant, Role
from engine.store.tables_accounts import account_roles, accounts, api_tokens, refresh_tokens, signing_keys

USE_NOTED_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class AccountRow:
    """One account. Without a password it is a program's."""

    name: str
    password_hash: str | None
    disabled_at: datetime | None
    created_at: datetime
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One API token; `within` narrows what its account may."""

    id: str
    account: str
    name: str
    within: Grant | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class RefreshRow:
    """What a log-in is carried on with."""

    family: str
    account: str
    expires_at: datetime
    used_at: datetime | None


def any_account(connection: Connection) -> bool:
    """Whether there is an account."""
    return connection.execute(select(accounts.c.name).limit(1)).first() is not None


def has_administrator(connection: Connection) -> bool:
    """Whether somebody who is let in may do everything."""
    query = select(accounts.c.name).join(account_roles, account_roles.c.account == accounts.c.name)
    everything = (account_roles.c.role == str(Role.ADMIN), account_roles.c.namespaces == EVERYWHERE)
    return connection.execute(query.where(accounts.c.disabled_at.is_(None), *everything).limit(1)).first() is not None


def read_account(connection: Connection, name: str) -> AccountRow | None:
    """Return one account."""
    found = _accounts(connection, [name])
    return found[0] if found else None


def list_accounts(connection: Connection, after: str, limit: int) -> list[AccountRow]:
    """Return at most `limit` accounts by name, those after `after`."""
    query = select(accounts.c.name).where(accounts.c.name > after).order_by(accounts.c.name).limit(limit)
    return _accounts(connection, connection.execute(query).scalars().all())


def add_account(connection: Connection, name: str, password_hash: str | None, now: datetime) -> None:
    """Insert an account without roles."""
    values = {"name": name, "password_hash": password_hash, "created_at": now, "updated_at": now}
    connection.execute(insert(accounts).values(values))


def set_password(connection: Connection, name: str, password_hash: str, now: datetime) -> None:
    """Change the password, and end every log-in."""
    connection.execute(
        update(accounts).where(accounts.c.name == name).values(password_hash=password_hash, updated_at=now)
    )
    connection.execute(delete(refresh_tokens).where(refresh_tokens.c.account == name))


def set_disabled(connection: Connection, name: str, *, disabled: bool, now: datetime) -> None:
    """Let the account in no more, or again; every log-in ends."""
    values = {"disabled_at": now if disabled else None, "updated_at": now}
    connection.execute(update(accounts).where(accounts.c.name == name).values(values))
    connection.execute(delete(refresh_tokens).where(refresh_tokens.c.account == name))


def set_grant(connection: Connection, name: str, grant: Grant) -> None:
    """Give the account a role in namespaces, in place of the one that it has there."""
    drop_grant(connection, name, grant.namespaces)
    values = {"account": name, "namespaces": grant.namespaces, "role": str(grant.role)}
    connection.execute(insert(account_roles).values(values))


def drop_grant(connection: Connection, name: str, namespaces: str) -> bool:
    """Take the account's role in namespaces; return whether it had one."""
    where = (account_roles.c.account == name, account_roles.c.namespaces == namespaces)
    return bool(connection.execute(delete(account_roles).where(*where)).rowcount)


def add_token(connection: Connection, row: TokenRow, digest: str) -> None:
    """Insert an API token."""
    values = {
        "id": row.id,
        "digest": digest,
        "account": row.account,
        "name": row.name,
        "role": None if row.within is None else str(row.within.role),
        "namespaces": None if row.within is None else row.within.namespaces,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
    }
    connection.execute(insert(api_tokens).values(values))


def find_token(connection: Connection, digest: str) -> TokenRow | None:
    """Return the API token of a digest."""
    row = connection.execute(select(*_TOKEN).where(api_tokens.c.digest == digest)).one_or_none()
    return None if row is None else _token(row)


def list_tokens(connection: Connection, account: str) -> list[TokenRow]:
    """Return the account's API tokens, the oldest first."""
    query = select(*_TOKEN).where(api_tokens.c.account == account).order_by(api_tokens.c.created_at, api_tokens.c.id)
    return [_token(row) for row in connection.execute(query)]


def drop_token(connection: Connection, account: str, token_id: str) -> bool:
    """Delete one of the account's API tokens; return whether it had it."""
    where = (api_tokens.c.account == account, api_tokens.c.id == token_id)
    return bool(connection.execute(delete(api_tokens).where(*where)).rowcount)


def note_use(connection: Connection, token_id: str, now: datetime) -> None:
    """Note that an API token is used, at most once a minute."""
    used = api_tokens.c.last_used_at
    where = (api_tokens.c.id == token_id, (used.is_(None)) | (used < now - USE_NOTED_EVERY))
    connection.execute(update(api_tokens).where(*where).values(last_used_at=now))


def add_refresh(connection: Connection, digest: str, row: RefreshRow, now: datetime) -> None:
    """Insert what a log-in is carried on with; those that have expired go."""
    connection.execute(delete(refresh_tokens).where(refresh_tokens.c.expires_at < now))
    values = {"digest": digest, "family": row.family, "account": row.account, "expires_at": row.expires_at}
    connection.execute(insert(refresh_tokens).values({**values, "created_at": now}))


def use_refresh(connection: Connection, digest: str, now: datetime) -> RefreshRow | None:
    """Use one up and return how it was before: `used_at` says that somebody has used it already."""
    query = select(
        refresh_tokens.c.family, refresh_tokens.c.account, refresh_tokens.c.expires_at, refresh_tokens.c.used_at
    )
    row = connection.execute(query.where(refresh_tokens.c.digest == digest).with_for_update()).one_or_none()
    if row is not None and row.used_at is None:
        connection.execute(update(refresh_tokens).where(refresh_tokens.c.digest == digest).values(used_at=now))
    return None if row is None else RefreshRow(*row)


def drop_family(connection: Connection, family: str) -> None:
    """End a log-in."""
    connection.execute(delete(refresh_tokens).where(refresh_tokens.c.family == family))


def newest_keys(connection: Connection) -> list[tuple[str, bytes, str, datetime]]:
    """Return the signing keys, the newest first: name, sealed private key, public key, since when."""
    query = select(signing_keys.c.kid, signing_keys.c.private_key, signing_keys.c.public_key, signing_keys.c.created_at)
    rows = connection.execute(query.order_by(signing_keys.c.created_at.desc(), signing_keys.c.kid))
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def add_key(connection: Connection, kid: str, private_key: bytes, public_key: str, now: datetime) -> None:
    """Insert a signing key."""
    values = {"kid": kid, "private_key": private_key, "public_key": public_key, "created_at": now}
    connection.execute(insert(signing_keys).values(values))


def drop_keys(connection: Connection, before: datetime) -> None:
    """Delete signing keys made before a moment."""
    connection.execute(delete(signing_keys).where(signing_keys.c.created_at < before))


_TOKEN = (
    api_tokens.c.id,
    api_tokens.c.account,
    api_tokens.c.name,
    api_tokens.c.role,
    api_tokens.c.namespaces,
    api_tokens.c.created_at,
    api_tokens.c.expires_at,
    api_tokens.c.last_used_at,
)


def _token(row: Sequence[object]) -> TokenRow:
    id_, account, name, role, namespaces, *moments = row
    within = None if role is None else Grant(Role(str(role)), str(namespaces))
    return TokenRow(str(id_), str(account), str(name), within, *moments)  # type: ignore[arg-type]


def _accounts(connection: Connection, names: Sequence[str]) -> list[AccountRow]:
    given: dict[str, list[Grant]] = {}
    for row in connection.execute(select(account_roles).where(account_roles.c.account.in_(names))):
        given.setdefault(row.account, []).append(Grant(Role(row.role), row.namespaces))
    query = select(accounts).where(accounts.c.name.in_(names)).order_by(accounts.c.name)
    return [
        AccountRow(
            row.name,
            row.password_hash,
            row.disabled_at,
            row.created_at,
            tuple(sorted(given.get(row.name, ()), key=lambda grant: grant.namespaces)),
        )
        for row in connection.execute(query)
    ]
