"""Accounts, their roles, passwords and tokens: what administrators do, and what each does for himself."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from engine.accounts import passwords
from engine.accounts.passwords import WeakPasswordError
from engine.accounts.roles import EVERYWHERE, Caller, Grant, Role
from engine.accounts.tokens import API_PREFIX, digest, made
from engine.clock import Clock, NewId
from engine.services.refusals import ConflictError, InvalidRangeError, UnknownError
from engine.store import accounts as store
from engine.store.accounts import AccountRow, TokenRow
from engine.store.connection import Connection
from engine.store.database import Database

FIRST: Final = "admin"
NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9._@-]{0,98}[a-z0-9])?")
NAMESPACES: Final = re.compile(r"\*|[a-z0-9][a-z0-9_.-]{0,96}?(?:\.\*)?")


class InvalidAccountError(ValueError):
    """What was asked cannot be: a name, a role, namespaces or a password that is none; the message says which."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just made: shown this once."""

    row: TokenRow
    token: str


class Accounts:
    """The actions over one database. Every method may be called from any thread."""

    def __init__(self, database: Database, clock: Clock, ids: NewId) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids

    def add(self, name: str, password: str | None, grants: list[Grant]) -> AccountRow:
        """Add an account; the first one must be an administrator.

        Raises `InvalidAccountError`, `ConflictError` where there is one of the name, or would be no administrator.
        """
        if NAME.fullmatch(name) is None:
            raise InvalidAccountError(f"{name!r} is not a name: it has a-z, 0-9 and . _ @ - between them")
        for grant in grants:
            _check(grant)
        stored = None if password is None else _hashed(password)
        with self._database.write() as connection:
            if store.read_account(connection, name) is not None:
                raise ConflictError(f"there is an account {name} already")
            store.add_account(connection, name, stored, self._clock())
            for grant in grants:
                store.set_grant(connection, name, grant)
            _check_administrator(connection)
            return _known(connection, name)

    def ensure_first(self, password: str) -> bool:
        """Add the administrator `admin`, if there is no account at all; return whether that was so."""
        with self._database.read() as connection:
            if store.any_account(connection):
                return False
        try:
            self.add(FIRST, password, [Grant(Role.ADMIN)])
        except ConflictError:  # another process was first
            return False
        return True

    def set_password(self, name: str, password: str) -> None:
        """Change a password; every log-in of the account ends. Raises `UnknownError`, `InvalidAccountError`."""
        stored = _hashed(password)
        with self._database.write() as connection:
            _known(connection, name)
            store.set_password(connection, name, stored, self._clock())

    def disable(self, name: str, *, disabled: bool = True) -> AccountRow:
        """Let an account in no more, or again. Raises `UnknownError`, `ConflictError` for the last administrator."""
        with self._database.write() as connection:
            _known(connection, name)
            store.set_disabled(connection, name, disabled=disabled, now=self._clock())
            _check_administrator(connection)
            return _known(connection, name)

    def grant(self, name: str, grant: Grant) -> AccountRow:
        """Give a role in namespaces, in place of the one there.

        Raises `UnknownError`, `InvalidAccountError`, `ConflictError` where no administrator would be left.
        """
        _check(grant)
        with self._database.write() as connection:
            _known(connection, name)
            store.set_grant(connection, name, grant)
            _check_administrator(connection)
            return _known(connection, name)

    def revoke(self, name: str, namespaces: str) -> AccountRow:
        """Take the role in namespaces. Raises `UnknownError`, `ConflictError` where no administrator would be left."""
        with self._database.write() as connection:
            _known(connection, name)
            if not store.drop_grant(connection, name, namespaces):
                raise UnknownError(f"account {name} has no role in {namespaces}")
            _check_administrator(connection)
            return _known(connection, name)

    def add_token(
        self, account: str, name: str, *, within: Grant | None = None, expires_at: datetime | None = None
    ) -> NewToken:
        """Make an API token of an account, which `within` may narrow.

        Raises `UnknownError`, `InvalidAccountError`, `InvalidRangeError` for an end that is past.
        """
        if not 1 <= len(name) <= 100:
            raise InvalidAccountError("a token's name has 1 to 100 characters")
        if within is not None:
            _check(within)
        now = self._clock()
        if expires_at is not None and expires_at <= now:
            raise InvalidRangeError(f"the end {expires_at.isoformat()} is past\n  hint: it is {now.isoformat()} now")
        token = made(API_PREFIX)
        row = TokenRow(self._ids(), account, name, within, now, expires_at, None)
        with self._database.write() as connection:
            _known(connection, account)
            store.add_token(connection, row, digest(token))
        return NewToken(row, token)

    def drop_token(self, account: str, token_id: str) -> None:
        """Revoke one of an account's API tokens. Raises `UnknownError`."""
        with self._database.write() as connection:
            if not store.drop_token(connection, account, token_id):
                raise UnknownError(f"account {account} has no token {token_id}")


def may_give(caller: Caller, grant: Grant) -> bool:
    """Whether a caller may narrow a token of his to this: it gives nothing that he does not have."""
    below = "" if grant.namespaces == EVERYWHERE else grant.namespaces.removesuffix(".*")
    return caller.may(grant.role, below)


def _check(grant: Grant) -> None:
    if NAMESPACES.fullmatch(grant.namespaces) is None:
        raise InvalidAccountError(f"{grant.namespaces!r} names no namespaces: write *, data, or data.*")


def _hashed(password: str) -> str:
    try:
        return passwords.hashed(password)
    except WeakPasswordError as error:
        raise InvalidAccountError(str(error)) from error


def _known(connection: Connection, name: str) -> AccountRow:
    found = store.read_account(connection, name)
    if found is None:
        raise UnknownError(f"there is no account {name}")
    return found


def _check_administrator(connection: Connection) -> None:
    """Refuse what leaves nobody who can do everything; the transaction is undone."""
    if not store.has_administrator(connection):
        raise ConflictError("there would be no administrator\n  hint: make another account admin:* first")
