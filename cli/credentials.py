"""What the command line proves itself with: a token that is given, else the log-in that was kept."""

import fcntl
import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec

from cli.errors import CliError

FILE: Final = "log-ins.json"
MARGIN_SECONDS: Final = 30
"""How long before its end an access token is not used any more."""


class KeptLogIn(msgspec.Struct, frozen=True):
    """One log-in: its access token with its end (seconds since 1970), and what it is carried on with."""

    access_token: str
    ends_at: float
    refresh_token: str


Renew = Callable[[str], KeptLogIn | None]
"""Gives what follows a refresh token; None where the log-in has ended."""


class LogIns:
    """The log-ins of this person on this machine, by the API's address; a file that he alone can read."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @classmethod
    def of_person(cls) -> "LogIns":
        """Return those in the person's configuration directory (XDG Base Directory Specification)."""
        base = os.environ.get("XDG_CONFIG_HOME", "") or str(Path.home() / ".config")
        return cls(Path(base) / "chronoverse" / FILE)

    def keep(self, url: str, log_in: KeptLogIn) -> None:
        """Keep a log-in in place of the one before."""
        with self._locked():
            self._write({**self._read(), url: log_in})

    def drop(self, url: str) -> KeptLogIn | None:
        """Forget a log-in, and return it."""
        with self._locked():
            found = self._read()
            dropped = found.pop(url, None)
            self._write(found)
        return dropped

    def access_token(self, url: str, renew: Renew) -> str:
        """Return an access token that still counts, renewed if need be; empty where nobody is logged in.

        Commands that run at once take turns: a refresh token that is used twice ends the log-in.
        """
        if not self._file.exists():
            return ""
        with self._locked():
            kept = self._read()
            log_in = kept.get(url)
            if log_in is not None and log_in.ends_at - MARGIN_SECONDS < time.time():
                log_in = renew(log_in.refresh_token)
                others = {of: each for of, each in kept.items() if of != url}
                self._write(others if log_in is None else {**others, url: log_in})
        return "" if log_in is None else log_in.access_token

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(self._file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise CliError(f"{self._file.parent}: {error.strerror}", "name another with XDG_CONFIG_HOME") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _read(self) -> dict[str, KeptLogIn]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=dict[str, KeptLogIn])
        except (FileNotFoundError, msgspec.DecodeError):
            return {}

    def _write(self, log_ins: dict[str, KeptLogIn]) -> None:
        partial = self._file.with_suffix(f".{os.getpid()}")
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(log_ins))
        partial.replace(self._file)


class Credentials(httpx.Auth):
    """Adds the token to every request: the one that is given, else that of the log-in at the API's address."""

    def __init__(self, url: str, token: str, log_ins: LogIns, renew: Renew) -> None:
        self._url = url
        self._token = token
        self._log_ins = log_ins
        self._renew = renew

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the request with a token, if there is one."""
        token = self._token or self._log_ins.access_token(self._url, self._renew)
        if token:
            request.headers["Authorization"] = f"Bearer {token}"
        yield request


def kept(answer: Any) -> KeptLogIn:
    """Return the log-in that the API answered with."""
    return KeptLogIn(answer.access_token, time.time() + answer.expires_in, answer.refresh_token)
