"""Accounts, roles, tokens, log-ins."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final, Self

import msgspec

from api.schemas.base import Answer, Ask

if TYPE_CHECKING:  # the command line reads these types, and must not load the store for them
    from engine.accounts.log_ins import Tokens
    from engine.accounts.roles import Caller, Grant
    from engine.store.accounts import AccountRow, TokenRow

SCHEME: Final = "Bearer"
"""How an access token is sent (RFC 6750)."""

RoleName = Annotated[str, msgspec.Meta(pattern="^(viewer|operator|editor|admin)$")]
Namespaces = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Password = Annotated[str, msgspec.Meta(max_length=1_000)]


class RoleIn(Ask, frozen=True, kw_only=True):
    """A role in namespaces: `*` for all, `data`, or `data.*` for it and all beneath."""

    role: RoleName
    namespaces: Namespaces = "*"


class RoleGiven(Answer, frozen=True, kw_only=True):
    """A role in namespaces."""

    role: str
    namespaces: str

    @classmethod
    def of(cls, grant: "Grant") -> Self:
        """Return a grant as it is shown."""
        return cls(role=str(grant.role), namespaces=grant.namespaces)


class Account(Answer, frozen=True, kw_only=True):
    """One account. One without a password is a program's: it has tokens."""

    name: str
    has_password: bool
    disabled_at: datetime | None
    created_at: datetime
    roles: list[RoleGiven]

    @classmethod
    def of(cls, row: "AccountRow") -> Self:
        """Return the account of a row."""
        return cls(
            name=row.name,
            has_password=row.password_hash is not None,
            disabled_at=row.disabled_at,
            created_at=row.created_at,
            roles=[RoleGiven.of(grant) for grant in row.grants],
        )


class AccountPage(Answer, frozen=True, kw_only=True):
    """Accounts by name."""

    items: list[Account]
    next: str | None


class AccountRequest(Ask, frozen=True, kw_only=True):
    """An account to be added; without a password it is a program's."""

    name: str
    password: Password | None = None
    roles: list[RoleIn] = msgspec.field(default_factory=list)


class PasswordRequest(Ask, frozen=True, kw_only=True):
    """The password one has, and the one that one wants."""

    current: Password
    new: Password


class Me(Answer, frozen=True, kw_only=True):
    """Who asks, and what he may: `within` narrows it, where a token does."""

    name: str
    roles: list[RoleGiven]
    within: RoleGiven | None

    @classmethod
    def of(cls, caller: "Caller") -> Self:
        """Return who asks."""
        within = None if caller.within is None else RoleGiven.of(caller.within)
        return cls(name=caller.name, roles=[RoleGiven.of(grant) for grant in caller.grants], within=within)


class LogInRequest(Ask, frozen=True, kw_only=True):
    """A name and its password."""

    name: str
    password: Password


class RefreshRequest(Ask, frozen=True, kw_only=True):
    """The refresh token of a log-in."""

    refresh_token: Annotated[str, msgspec.Meta(max_length=200)]


class LogIn(Answer, frozen=True, kw_only=True):
    """What a log-in gives. The refresh token is used once, for the next pair."""

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str
    refresh_ends_at: datetime

    @classmethod
    def of(cls, tokens: "Tokens") -> Self:
        """Return the tokens as they are given."""
        return cls(
            access_token=tokens.access,
            token_type=SCHEME,
            expires_in=tokens.seconds,
            refresh_token=tokens.refresh,
            refresh_ends_at=tokens.refresh_ends_at,
        )


class TokenRequest(Ask, frozen=True, kw_only=True):
    """An API token of the caller's to be made; `role` and `namespaces` narrow what it may. `account`: a program's."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    role: RoleName | None = None
    namespaces: Namespaces = "*"
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    account: str | None = None


class Token(Answer, frozen=True, kw_only=True):
    """One API token, without what it is."""

    id: str
    account: str
    name: str
    within: RoleGiven | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None

    @classmethod
    def of(cls, row: "TokenRow") -> Self:
        """Return the token of a row."""
        return cls(**_token(row))  # type: ignore[arg-type]


class NewToken(Token, frozen=True, kw_only=True):
    """An API token that was just made. `token` is never shown again."""

    token: str

    @classmethod
    def shown(cls, row: "TokenRow", token: str) -> Self:
        """Return the token with what it is."""
        return cls(**_token(row), token=token)  # type: ignore[arg-type]


class TokenPage(Answer, frozen=True, kw_only=True):
    """API tokens of an account, the oldest first; all of them."""

    items: list[Token]
    next: None = None


def _token(row: "TokenRow") -> dict[str, object]:
    return {
        "id": row.id,
        "account": row.account,
        "name": row.name,
        "within": None if row.within is None else RoleGiven.of(row.within),
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "last_used_at": row.last_used_at,
    }
