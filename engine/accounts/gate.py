"""Who a request comes from: told by what it carries, looked up, and kept for a few seconds."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from engine.accounts.log_ins import LogIns
from engine.accounts.roles import Caller
from engine.accounts.tokens import API_PREFIX, digest
from engine.clock import Clock
from engine.store import accounts as store
from engine.store.database import Database

KEPT_SECONDS: Final = 2.0
"""How long what is known of a token counts: so long a role that was taken, or a revoked token, may still work."""
KEPT_MAX: Final = 10_000


class Gate:
    """Tells callers by their tokens. Every method may be called from any thread, and may read the database.

    Without `always`, nobody has to prove himself as long as there is no account: whoever reaches the server may do
    everything.
    """

    def __init__(
        self,
        database: Database,
        log_ins: LogIns,
        clock: Clock,
        *,
        always: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._log_ins = log_ins
        self._clock = clock
        self._always = always
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[float, Caller | None]] = OrderedDict()
        self._open_until = 0.0

    @property
    def closed(self) -> bool:
        """Whether callers have to prove themselves, as far as is known without looking."""
        return self._always

    @property
    def must_look(self) -> bool:
        """Whether `is_open` would read the database."""
        return not self._always and self._monotonic() >= self._open_until

    def is_open(self) -> bool:
        """Whether nobody has to prove himself."""
        if self._always:
            return False
        if self._monotonic() < self._open_until:
            return True
        with self._database.read() as connection:
            if store.any_account(connection):
                self._always = True  # an account is disabled, never deleted
                return False
        self._open_until = self._monotonic() + KEPT_SECONDS
        return True

    def look_again(self) -> None:
        """Forget what is known: there is a new account."""
        with self._lock:
            self._known.clear()
        self._open_until = 0.0

    def caller(self, token: str) -> Caller | None:
        """Return who carries the token, an API token or an access token; None for one that does not count."""
        key = digest(token)
        with self._lock:
            until, known = self._known.get(key, (0.0, None))
        if self._monotonic() < until:
            return known
        found = self._of_api_token(key) if token.startswith(API_PREFIX) else self._of_access_token(token)
        with self._lock:
            self._known[key] = (self._monotonic() + KEPT_SECONDS, found)
            self._known.move_to_end(key)
            while len(self._known) > KEPT_MAX:
                self._known.popitem(last=False)
        return found

    def _of_api_token(self, key: str) -> Caller | None:
        now = self._clock()
        with self._database.read() as connection:
            token = store.find_token(connection, key)
            if token is None or (token.expires_at is not None and token.expires_at <= now):
                return None
            account = store.read_account(connection, token.account)
        if account is None or account.disabled_at is not None:
            return None
        if token.last_used_at is None or token.last_used_at < now - store.USE_NOTED_EVERY:
            with self._database.write() as connection:
                store.note_use(connection, token.id, now)
        return Caller(account.name, account.grants, token.within)

    def _of_access_token(self, token: str) -> Caller | None:
        name = self._log_ins.account_of(token)
        if name is None:
            return None
        with self._database.read() as connection:
            account = store.read_account(connection, name)
        if account is None or account.disabled_at is not None:
            return None
        return Caller(account.name, account.grants)
