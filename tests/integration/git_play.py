"""What the tests of git sources play with: sources of a repository, a clock of their own, and secrets by name."""

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.sync.git.config import GitAuth, GitConfig
from engine.sync.git.source import GitSource
from engine.sync.source import FetchError, Snapshot
from tests.services.git_ssh import GitSsh

FLOW = "name: {name}\ntasks:\n  only: {{run: echo {word}}}\n"


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def unique(word: str = "r") -> str:
    """A name that no other test has: servers live as long as the session."""
    return f"{word}-{uuid.uuid4().hex[:12]}"


def flow(name: str, word: str = "hi") -> str:
    """A workflow file."""
    return FLOW.format(name=name, word=word)


def make_source(
    url: str, directory: Path, secrets: Mapping[str, str] | None = None, *, clock: Clock | None = None, **fields: Any
) -> GitSource:
    """A source of that URL; nobody waits long for it."""
    config = GitConfig(**{"name": "main", "url": url, "silence_seconds": 10.0, "timeout_seconds": 60.0, **fields})
    return GitSource(
        config,
        directory,
        secrets=lambda name: dict(secrets or {})[name],
        monotonic=clock or Clock(),
        chance=lambda: 0.0,
    )


def polled(source: GitSource) -> Snapshot:
    """What the server has now."""
    source.nudge()
    return source.fetch()


def contents(snapshot: Snapshot) -> dict[str, str]:
    """The files and what is in them."""
    return {path: file.read().decode() for path, file in snapshot.files.items()}


def refusal(source: GitSource) -> FetchError:
    """Why the source cannot be fetched now."""
    try:
        polled(source)
    except FetchError as error:
        return error
    raise AssertionError("it was fetched")


def ssh_auth(server: GitSsh, **fields: str) -> GitAuth:
    """The way in over SSH, with the key of the secret KEY."""
    return GitAuth(**{"ssh_key_secret": "KEY", "known_hosts": server.known_hosts, **fields})
