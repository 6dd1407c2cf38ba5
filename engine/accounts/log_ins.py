"""Log-ins: a password for a short access token and a refresh token, which is used once for the next pair.

Access tokens are JWTs (RFC 7519) signed with Ed25519 (EdDSA, RFC 8037). A refresh token that comes a second time was
stolen, or its thief's came first: the whole log-in ends (RFC 9700, section 4.14.2).
"""

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from engine.accounts import passwords
from engine.accounts.throttle import waits_until
from engine.accounts.tokens import REFRESH_PREFIX, digest, made
from engine.clock import Clock, NewId
from engine.keyring import Keyring
from engine.store import accounts as store
from engine.store import throttle
from engine.store.accounts import RefreshRow
from engine.store.database import Database

ISSUER: Final = "chronoverse"
AUDIENCE: Final = "chronoverse-api"
ALGORITHM: Final = "EdDSA"
ACCESS: Final = timedelta(minutes=10)
REFRESH: Final = timedelta(days=30)
KEY_SIGNS: Final = timedelta(days=30)
KEY_COUNTS: Final = KEY_SIGNS + timedelta(days=1)
_SEALED: Final = "signing-key"


class NotAuthenticatedError(Exception):
    """What was shown proves nothing (more); `account` is whose it once was, if it was."""

    def __init__(self, message: str, account: str = "") -> None:
        self.account = account
        super().__init__(message)


class ThrottledError(Exception):
    """Too many passwords were wrong: none is looked at for `seconds`, not even the right one."""

    def __init__(self, seconds: float) -> None:
        self.seconds = math.ceil(seconds)
        super().__init__(f"too many passwords were wrong\n  hint: try again in {self.seconds} s")


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a log-in gives an account: `access` counts for `seconds`, `refresh` once, until `refresh_ends_at`."""

    account: str
    access: str
    refresh: str
    seconds: int
    refresh_ends_at: datetime


class LogIns:
    """Makes and checks what log-ins give. Every method may be called from any thread."""

    def __init__(self, database: Database, keyring: Keyring, clock: Clock, ids: NewId) -> None:
        self._database = database
        self._keyring = keyring
        self._clock = clock
        self._ids = ids
        self._lock = threading.Lock()
        self._public: Mapping[str, str] = {}

    def log_in(self, name: str, password: str) -> Tokens:
        """Return tokens for an account's password. Raises `NotAuthenticatedError`, `ThrottledError`, `KeyringError`.

        It says the same, and takes as long, whether or not there is such an account.
        """
        self.check(name, password)
        return self._tokens(name, self._ids())

    def check(self, name: str, password: str) -> None:
        """Raise `NotAuthenticatedError` unless it is the account's password, `ThrottledError` if it may not be tried.

        The try is counted before the password is looked at, so that many at once are counted too.
        """
        self._count(name)
        with self._database.read() as connection:
            account = store.read_account(connection, name)
        stored = None if account is None else account.password_hash
        if not passwords.fits(password, stored) or account is None or account.disabled_at is not None:
            raise NotAuthenticatedError("the name or the password is wrong")
        with self._database.write() as connection:
            throttle.forget(connection, name)

    def unlock(self, name: str) -> bool:
        """Forget which passwords of an account were wrong; return whether any were."""
        with self._database.write() as connection:
            return throttle.forget(connection, name)

    def _count(self, name: str) -> None:
        now = self._clock()
        with self._database.write() as connection:
            failures = throttle.read_failures(connection, name)
            until = waits_until(failures, now)
            if until is None:
                throttle.count_one(connection, name, failures, now)
        if until is not None:
            raise ThrottledError((until - now).total_seconds())

    def carry_on(self, refresh: str) -> Tokens:
        """Return the next tokens of a log-in. Raises `NotAuthenticatedError`, `KeyringError`."""
        now = self._clock()
        with self._database.write() as connection:
            row = store.use_refresh(connection, digest(refresh), now)
            if row is not None and row.used_at is not None:
                store.drop_family(connection, row.family)
        if row is None:
            raise NotAuthenticatedError("the log-in has ended")
        if row.expires_at <= now or row.used_at is not None:
            raise NotAuthenticatedError("the log-in has ended", row.account)
        with self._database.read() as connection:
            account = store.read_account(connection, row.account)
        if account is None or account.disabled_at is not None:
            raise NotAuthenticatedError("the log-in has ended", row.account)
        return self._tokens(row.account, row.family)

    def log_out(self, refresh: str) -> str:
        """End a log-in and return whose it was; one that is not known has ended already (empty)."""
        with self._database.write() as connection:
            row = store.use_refresh(connection, digest(refresh), self._clock())
            if row is not None:
                store.drop_family(connection, row.family)
        return "" if row is None else row.account

    def account_of(self, access: str) -> str | None:
        """Return the account that an access token was given to; None for one that does not count."""
        import jwt  # noqa: PLC0415 - it needs cryptography, which a server without accounts does not load

        try:
            kid = str(jwt.get_unverified_header(access).get("kid", ""))
            key = self._public_key(kid)
            if key is None:
                return None
            claims = self._checked(access, key)
        except jwt.InvalidTokenError:
            return None
        return str(claims["sub"])

    def _checked(self, access: str, key: str) -> dict[str, Any]:
        """Return the claims. The time is our own clock's, so it is compared here. Raises `jwt.InvalidTokenError`."""
        import jwt  # noqa: PLC0415 - as above

        options: Any = {"require": ["sub", "iat", "exp", "iss", "aud"], "verify_exp": False, "verify_iat": False}
        claims: dict[str, Any] = jwt.decode(
            access, key, algorithms=[ALGORITHM], issuer=ISSUER, audience=AUDIENCE, options=options
        )
        now = self._clock()
        if not isinstance(claims["exp"], int) or datetime.fromtimestamp(claims["exp"], UTC) <= now:
            raise jwt.ExpiredSignatureError("it has expired")
        return claims

    def _tokens(self, account: str, family: str) -> Tokens:
        now = self._clock()
        refresh, ends_at = made(REFRESH_PREFIX), now + REFRESH
        access = self._signed(account, now)
        with self._database.write() as connection:
            store.add_refresh(connection, digest(refresh), RefreshRow(family, account, ends_at, None), now)
        return Tokens(account, access, refresh, int(ACCESS.total_seconds()), ends_at)

    def _signed(self, account: str, now: datetime) -> str:
        import jwt  # noqa: PLC0415 - as above

        kid, private = self._signing_key(now)
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": account, "iat": int(now.timestamp()), "jti": self._ids()}
        claims["exp"] = int((now + ACCESS).timestamp())
        return jwt.encode(claims, private, algorithm=ALGORITHM, headers={"kid": kid})

    def _signing_key(self, now: datetime) -> tuple[str, str]:
        """Return the key to sign with, by its name; a new one each month, the old one counts a day longer."""
        with self._database.read() as connection:
            keys = store.newest_keys(connection)
        if keys and keys[0][3] > now - KEY_SIGNS:
            kid, sealed, _, _ = keys[0]
            return kid, self._keyring.open(sealed, _SEALED, kid)
        kid, (private, public) = self._ids(), _new_pair()
        sealed = self._keyring.seal(private, _SEALED, kid)
        with self._database.write() as connection:
            store.drop_keys(connection, now - KEY_COUNTS)
            store.add_key(connection, kid, sealed, public, now)
        return kid, private

    def _public_key(self, kid: str) -> str | None:
        """Return the public key of that name; one that is not known here may be new."""
        with self._lock:
            known = self._public.get(kid)
        if known is not None:
            return known
        with self._database.read() as connection:
            found = {name: public for name, _, public, _ in store.newest_keys(connection)}
        with self._lock:
            self._public = found
        return found.get(kid)


def _new_pair() -> tuple[str, str]:
    """Return a private and a public key, as PEM."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - as above
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()
