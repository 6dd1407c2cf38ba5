"""A git repository as a source: asked for news every interval, or when nudged; blobs are read when they are needed."""

import random
import threading
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from engine.sync.git.any_ref import AnyRef
from engine.sync.git.commits import Commits
from engine.sync.git.config import GitConfig
from engine.sync.git.credentials import Credentials, Secrets, no_secrets
from engine.sync.git.fetcher import Fetcher, damage_named
from engine.sync.git.mirror import Mirror, obey_no_configuration
from engine.sync.git.order import Order
from engine.sync.source import FetchError, Halt, Relation, Rules, Snapshot

RETRY_SECONDS: Final = 5.0
"""When a server that failed is asked again; twice as late each time, and at most every interval."""
SPREAD: Final = 0.1
"""The part of an interval that chance takes off, so that sources that began together do not ask together for ever."""


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
        self._commits = Commits(config, self._mirror, self._damaged)
        self._any = AnyRef(config, directory, secrets, now)
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

    def snapshot_of(self, ref: str) -> Snapshot:
        """Return what a branch, a tag or a commit (7 digits will do) of the repository holds; see `Source`."""
        return self._any.snapshot(ref)

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
        self._any.stop()

    def close(self) -> None:
        """End what runs, and let go of the mirror."""
        self.interrupt()
        self._mirror.close()
        self._any.close()

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
        line = f"{self.settings.selector} of {self.settings.url}"
        return self._commits.newest(line, lambda version: partial(self._relation, version), self._found)

    def _damaged(self) -> None:
        self._found = None
        self.nudge()

    def _relation(self, new: str, old: str, applied_at: datetime | None) -> Relation:
        with damage_named(self.settings.url):
            return self._order.relation(new, old, applied_at)
