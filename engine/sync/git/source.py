"""A git repository as a source: asked for news every interval, or when nudged; blobs are read when they are needed."""

import random
import threading
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import pygit2

from dsl.defaults import is_defaults
from engine.sync.git.checkout import tree_of
from engine.sync.git.config import GitConfig
from engine.sync.git.credentials import Credentials, Secrets, no_secrets
from engine.sync.git.faults import MirrorError
from engine.sync.git.fetcher import Fetcher, damage_named
from engine.sync.git.mirror import Mirror, obey_no_configuration
from engine.sync.git.order import Order
from engine.sync.git.trees import Trees
from engine.sync.source import FetchError, Halt, Relation, Rules, Snapshot, Tree

RETRY_SECONDS: Final = 5.0
"""When a server that failed is asked again; twice as late each time, and at most every interval."""
SPREAD: Final = 0.1
"""The part of an interval that chance takes off, so that sources that began together do not ask together for ever."""
AUTHOR_CHARACTERS_MAX: Final = 300


class GitSource:
    """The workflow files of a commit of a git repository.

    The mirror lies beneath `directory`, which other sources may share. `secrets` gives the values of the secrets that
    `config.auth` names, and is asked for them at each transfer.
    """

    kind = "git"

    def __init__(
        self,
        config: GitConfig,
        directory: Path,
        *,
        secrets: Secrets = no_secrets,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.settings = config
        self._monotonic = monotonic
        self._chance = chance
        self._mirror = Mirror(directory, config.name, config.url)
        self._trees = Trees(config, self._mirror, self._read)
        self._fetcher = Fetcher(config, self._mirror, Credentials(config, secrets, now))
        self._order = Order(self._mirror, self._fetcher.deepen)
        self._nudged = threading.Event()
        self._due_at = monotonic()
        self._failures = 0
        self._found: Snapshot | None = None
        self._failure: FetchError | None = None
        obey_no_configuration()

    @property
    def name(self) -> str:
        """The name that the source is shown under."""
        return self.settings.name

    @property
    def rules(self) -> Rules:
        """How it is taken over."""
        return self.settings.rules

    @property
    def config(self) -> dict[str, Any]:
        """What is shown of its configuration."""
        return self.settings.shown()

    def fetch(self) -> Snapshot:
        """Return what the chosen commit holds: asked of the server when that is due, and else as it was.

        Where the server has nothing new, one look at its references is all there is to it. Raises `FetchError`.
        """
        if self._due():
            self._nudged.clear()
            self._ask()
        if self._failure is not None:
            raise FetchError(self._failure.reason, str(self._failure), self._failure.version)
        assert self._found is not None, "what was asked was answered, or failed"
        return self._found

    def wait(self, halt: Halt, timeout_seconds: float) -> bool:
        """Wait until the server is due to be asked, or something was said to have changed; see `Source.wait`."""
        halt.wait(max(min(timeout_seconds, self._due_at - self._monotonic()), 0.0))
        return self._nudged.is_set()

    def nudge(self) -> None:
        """Have the next `fetch` ask the server."""
        self._nudged.set()

    def interrupt(self) -> None:
        """End a fetch that runs, and those after it."""
        self._fetcher.stop()

    def close(self) -> None:
        """End what runs, and let go of the mirror."""
        self.interrupt()
        self._mirror.close()

    def _due(self) -> bool:
        """Whether to ask the server; of a commit that is there, it has no news."""
        if self.settings.commit and self._found is not None and self._failure is None:
            return False
        return self._nudged.is_set() or self._monotonic() >= self._due_at

    def _ask(self) -> None:
        """Ask the server, and note when to ask again."""
        interval_seconds = self.settings.interval_seconds
        try:
            self._found = self._fetcher.fetch(self._read_commit)
            self._failure, self._failures = None, 0
        except FetchError as error:
            self._failure = error
            interval_seconds = min(interval_seconds, RETRY_SECONDS * 2.0 ** min(self._failures, 20))
            self._failures += 1
        self._due_at = self._monotonic() + interval_seconds * (1 - SPREAD * self._chance())

    def _read_commit(self) -> Snapshot:
        """Read the commit that the mirror has; one that was read before is not looked at. Raises `MirrorError`."""
        commit = self._mirror.head()
        version = str(commit.id)
        if self._found is not None and self._found.version == version:
            return self._found
        try:
            files, faults = self._trees.look(commit.tree_id)
        except FetchError as error:
            error.version = version
            raise
        if all(map(is_defaults, files)) and not faults:
            raise self._empty(version)
        return Snapshot(
            version=version,
            files=files,
            faults=tuple(faults),
            commit=version,
            author=_author(commit),
            title=_printable(commit.message.partition("\n")[0]),
            line=f"{self.settings.selector} of {self.settings.url}",
            relation=partial(self._relation, version),
            tree=partial(self._tree, commit.tree_id),
        )

    def _empty(self, version: str) -> FetchError:
        where = f"{self.settings.path!r} of {self.settings.url}" if self.settings.path else self.settings.url
        return FetchError(
            "empty",
            f"{where} holds no workflow file at commit {version[:12]}; nothing is removed for that\n"
            "  hint: check 'path', 'include' and 'exclude'",
            version,
        )

    def _tree(self, root: pygit2.Oid) -> Tree:
        with damage_named(self.settings.url):
            return tree_of(self._mirror, self._trees.top(root))

    def _read(self, oid: pygit2.Oid) -> bytes:
        """Read a blob. Raises `FetchError` for a mirror that is damaged; the next fetch then makes it anew."""
        with damage_named(self.settings.url):
            try:
                return self._mirror.blob(oid)
            except MirrorError:
                self._mirror.discard()
                self._found = None
                self.nudge()
                raise

    def _relation(self, new: str, old: str, applied_at: datetime | None) -> Relation:
        with damage_named(self.settings.url):
            return self._order.relation(new, old, applied_at)


def _author(commit: pygit2.Commit) -> str:
    """Return name and address of who wrote a commit, as text that can be kept and shown."""
    author = commit.author
    return _printable(f"{author.name} <{author.email}>")


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)[:AUTHOR_CHARACTERS_MAX]
