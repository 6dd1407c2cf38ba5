"""From the names in a configuration to a login, anew for each transfer: a secret that is changed counts at once."""

import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import msgspec

from engine.sync.git.config import GitConfig
from engine.sync.git.job import Login
from engine.sync.source import FetchError

TOKEN_USER: Final = "x-access-token"  # noqa: S105 - the user that goes with a token, which is no secret
SSH_USER: Final = "git"
OUTPUT_BYTES_MAX: Final = 64 * 1024
SPARE_SECONDS: Final = 60.0
"""A token is not used in the last minute of its life."""
_PASSED: Final = ("PATH", "HOME", "LANG")
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")

Secrets = Callable[[str], str]
"""Gives a secret's value by its name. Raises `LookupError` with a message that says how to set it."""


def no_secrets(name: str) -> str:
    """The secrets of who has none."""
    raise LookupError(f"there is no secret {name}")


class Credentials:
    """The logins of one source. `stop` may be called by any thread."""

    def __init__(self, config: GitConfig, secrets: Secrets, now: Callable[[], float] = time.time) -> None:
        self._auth = config.auth
        self._address = config.address
        self._secrets = secrets
        self._command = TokenCommand(config, now) if config.auth.token_command else None

    def login(self) -> Login | None:
        """Return what to show the server; None for what everybody may read. Raises `FetchError`."""
        auth = self._auth
        if auth.ssh_key_secret:
            key = self._secret("ssh_key_secret", auth.ssh_key_secret).replace("\r\n", "\n").strip() + "\n"
            name = auth.ssh_passphrase_secret
            passphrase = self._secret("ssh_passphrase_secret", name) if name else ""
            return Login(self._address.user or auth.username or SSH_USER, key=key, passphrase=passphrase)
        if auth.password_secret:
            return Login(auth.username, self._secret("password_secret", auth.password_secret))
        if auth.token_secret:
            token = self._secret("token_secret", auth.token_secret).strip()
            return Login(auth.username or TOKEN_USER, token)
        if self._command is not None:
            return Login(auth.username or TOKEN_USER, self._command.token())
        return None

    def refresh(self) -> bool:
        """Forget a token that the server refused; return whether there may be a better one."""
        return self._command is not None and self._command.forget()

    def stop(self) -> None:
        """End a command that runs."""
        if self._command is not None:
            self._command.stop()

    def _secret(self, field: str, name: str) -> str:
        try:
            return self._secrets(name)
        except LookupError as error:
            why = str(error.args[0]) if error.args else f"there is no secret {name}"
            raise FetchError("secret", f"auth.{field}: {why}") from error


class TokenCommand:
    """A program whose output is a token, as for a GitHub App. Its token is kept until it expires."""

    def __init__(self, config: GitConfig, now: Callable[[], float]) -> None:
        self._argv = config.auth.token_command
        self._seconds_max = config.auth.token_command_seconds_max
        self._token_seconds = config.auth.token_seconds
        self._url = config.url
        self._now = now
        self._token = ""
        self._until = 0.0
        self._fresh = False
        self._guard = threading.Lock()
        self._running: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def token(self) -> str:
        """Return the token, run anew if need be. Raises `FetchError`, which shows nothing of the output."""
        self._fresh = not self._token or self._now() >= self._until
        if self._fresh:
            self._token, self._until = self._read(self._run())
        return self._token

    def forget(self) -> bool:
        """Forget the token; return whether it was an old one."""
        self._token = ""
        return not self._fresh

    def stop(self) -> None:
        """End the command if it runs, and do not run it again."""
        with self._guard:
            self._stopped = True
            if self._running is not None:
                _kill(self._running)

    def _run(self) -> bytes:
        with tempfile.TemporaryFile() as output:
            process = self._start(output.fileno())
            try:
                code = process.wait(self._seconds_max)
            except subprocess.TimeoutExpired:
                raise self._fault(f"it took more than {self._seconds_max:g} s") from None
            finally:
                _kill(process)
                with self._guard:
                    self._running = None
            if code != 0:
                raise self._fault(f"it ended with {code}")
            output.seek(0)
            return output.read(OUTPUT_BYTES_MAX)

    def _start(self, output: int) -> subprocess.Popen[bytes]:
        environ = {name: os.environ[name] for name in _PASSED if name in os.environ}
        with self._guard:
            if self._stopped:
                raise FetchError("interrupted", "the fetch was ended, since the server stops")
            try:
                self._running = subprocess.Popen(  # noqa: S603 - what whoever configures the server wants run
                    self._argv,
                    env={**environ, "CHRONOVERSE_GIT_URL": self._url},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            except OSError as error:
                raise self._fault(f"it cannot be started: {error.strerror}") from None
            return self._running

    def _read(self, output: bytes) -> tuple[str, float]:
        """Return the token and until when it counts. The output is the token, or JSON as GitHub's API gives it."""
        text, until = output.decode("utf-8", "replace").strip(), self._now() + self._token_seconds
        if text.startswith("{"):
            try:
                said = msgspec.json.decode(text, type=_Said)
            except msgspec.MsgspecError:
                raise self._fault("its output is no JSON with 'token' and 'expires_at'") from None
            text = said.token
            if said.expires_at is not None:
                until = _utc(said.expires_at).timestamp() - SPARE_SECONDS
        if not _TOKEN.fullmatch(text):
            raise self._fault("its output is no token: one word of ASCII, or JSON")
        return text, until

    def _fault(self, why: str) -> FetchError:
        hint = "run it by hand, as the server's user"
        return FetchError("secret", f"auth.token_command {self._argv[0]}: {why}\n  hint: {hint}")


class _Said(msgspec.Struct):
    token: str
    expires_at: datetime | None = None


def _utc(time: datetime) -> datetime:
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the command, with what it started, unless it has ended."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
