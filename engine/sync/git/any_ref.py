"""What any commit, branch or tag of a source's repository holds, whatever the source follows.

Fetched into a mirror of its own: such a look neither waits for the source's fetches nor keeps one waiting, and nothing
that the source reads is moved by it.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from engine.sync.git.commits import Commits
from engine.sync.git.config import GitConfig
from engine.sync.git.credentials import Credentials, Secrets
from engine.sync.git.fetcher import Fetcher, damage_named
from engine.sync.git.history import relation
from engine.sync.git.mirror import Mirror, beside
from engine.sync.git.order import DEEPER
from engine.sync.git.refs import COMMIT, Selector, is_ref_name
from engine.sync.source import FetchError, Relation, Snapshot

FETCH_SECONDS_MAX: Final = 60.0
"""How long one fetch may take here, whatever the source's own may."""


class AnyRef:
    """Used by one thread at a time. `stop` may be called by any."""

    def __init__(self, config: GitConfig, directory: Path, secrets: Secrets, now: Callable[[], float]) -> None:
        self._config = replace(config, timeout_seconds=min(config.timeout_seconds, FETCH_SECONDS_MAX))
        self._mirror = Mirror(directory, beside(config.name), config.url)
        self._fetcher = Fetcher(self._config, self._mirror, Credentials(config, secrets, now))
        self._commits = Commits(self._config, self._mirror, lambda: None)

    def snapshot(self, ref: str) -> Snapshot:
        """Return what `ref` names; without it, what the source follows, as the server has it now.

        Of the snapshot's `relation`, `NEWER` and `OLDER` are proven by history; what is not known to be either counts
        as `REWRITTEN`. Raises `FetchError`.
        """
        if ref and not is_ref_name(ref):
            raise FetchError("bad_ref", f"{ref!r} names no commit, branch or tag\n  hint: as in main, or 1a2b3c4")
        self._fetcher.selector = Selector(ref=ref) if ref else self._config.selector
        line = f"{self._fetcher.selector} of {self._config.url}"
        return self._fetcher.fetch(lambda: self._commits.newest(line, self._relate))

    def stop(self) -> None:
        """End a fetch that runs, and those after it."""
        self._fetcher.stop()

    def close(self) -> None:
        """Let go of the mirror."""
        self._mirror.close()

    def _relate(self, new: str) -> Callable[[str, datetime | None], Relation]:
        return partial(self._relation, new)

    def _relation(self, new: str, old: str, _applied_at: datetime | None) -> Relation:
        if not COMMIT.fullmatch(old):
            return Relation.REWRITTEN
        with damage_named(self._config.url):
            found = relation(self._mirror.raw_commit, old, new)
            for commits in DEEPER:
                if found is not None:
                    break
                self._fetcher.deepen(commits, old)
                found = relation(self._mirror.raw_commit, old, new)
        return found or Relation.REWRITTEN
