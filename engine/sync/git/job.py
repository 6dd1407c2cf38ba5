"""What the engine and the process that talks to the server say to each other: one JSON document each way."""

from typing import Final

import msgspec

HEAD: Final = "refs/chronoverse/head"
"""The mirror's reference to what was chosen last: a commit, or an annotated tag of one."""


class Login(msgspec.Struct, frozen=True):
    """Credentials: a password (or a token) for HTTP, or a private key for SSH."""

    username: str
    password: str = ""
    key: str = ""
    passphrase: str = ""

    def __repr__(self) -> str:
        return f"Login({self.username!r})"


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One transfer: look at the server's references, choose one, and fetch it where the mirror has another.

    `deepen` asks for that many commits of history, whatever the mirror has; `also` for a commit beside, if it is to be
    had.
    """

    url: str
    mirror: str
    home: str = ""
    """A directory with `.ssh/known_hosts`, and nothing else that libgit2 would read."""
    branch: str = ""
    tag: str = ""
    semver: str = ""
    commit: str = ""
    ref: str = ""
    """What a person calls a commit, a branch or a tag."""
    shallow: bool = True
    deepen: int = 0
    also: str = ""
    login: Login | None = None
    proxy: str = ""
    ca_file: str = ""
    silence_seconds: float = 20.0
    fetch_bytes_max: int = 1 << 30


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: what was chosen (`ref`, and the object `oid`), or why not (`reason`, a word, and `message`)."""

    ref: str = ""
    oid: str = ""
    received_bytes: int = 0
    reason: str = ""
    message: str = ""
