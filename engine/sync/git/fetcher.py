"""Bringing the mirror up to the server: one transfer, again with another token, again into a new mirror."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.request import getproxies, proxy_bypass

from engine.sync.git.address import Address
from engine.sync.git.config import GitConfig
from engine.sync.git.credentials import Credentials
from engine.sync.git.faults import MirrorError
from engine.sync.git.job import Job
from engine.sync.git.mirror import Mirror
from engine.sync.git.process import Transfers
from engine.sync.git.refs import Selector
from engine.sync.source import FetchError

log = logging.getLogger(__name__)

_T = TypeVar("_T")


class Fetcher:
    """Fetches for one source: what its `selector` chooses. `stop` may be called by any thread."""

    def __init__(self, config: GitConfig, mirror: Mirror, credentials: Credentials) -> None:
        self.selector: Selector = config.selector
        self._config = config
        self._mirror = mirror
        self._credentials = credentials
        self._transfers = Transfers(config.timeout_seconds)

    def fetch(self, read: Callable[[], _T]) -> _T:
        """Fetch what is chosen, and return what `read` makes of it; where the mirror is damaged, from a new one.

        Raises `FetchError`.
        """
        with self._locked():
            try:
                self._update()
                return read()
            except MirrorError as error:
                log.warning("source %s: its mirror is damaged and made anew: %s", self._config.name, error)
            self._mirror.discard()
            with damage_named(self._config.url):
                self._update()
                return read()

    def deepen(self, commits: int, also: str) -> None:
        """Fetch so many commits of history, and `also` if it is to be had. Raises `FetchError`, `MirrorError`."""
        with self._locked():
            self._update(commits, also)

    def stop(self) -> None:
        """End what runs, and what would."""
        self._transfers.stop()
        self._credentials.stop()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with self._mirror.locked(self._transfers.stopping, self._config.timeout_seconds):
            self._mirror.sweep()
            yield

    def _update(self, deepen: int = 0, also: str = "") -> None:
        transfer = partial(self._transfer, deepen, also)
        try:
            self._mirror.update(transfer)
        except FetchError as error:
            if error.reason != "auth_failed" or not self._credentials.refresh():
                raise
            self._mirror.update(transfer)

    def _transfer(self, deepen: int, also: str, mirror: Path) -> None:
        """Raise `MirrorError` where what was there already may be what stood in the way."""
        fresh = not mirror.exists()
        try:
            self._transfers.run(self._job(mirror, deepen, also), self._config.auth.known_hosts)
        except FetchError as error:
            if error.reason == "damaged" or (error.reason == "failed" and not fresh):
                raise MirrorError(str(error)) from error
            raise

    def _job(self, mirror: Path, deepen: int, also: str) -> Job:
        config, selector = self._config, self.selector
        return Job(
            url=config.url,
            mirror=str(mirror),
            branch=selector.branch,
            tag=selector.tag,
            semver=selector.semver,
            commit=selector.commit,
            ref=selector.ref,
            shallow=config.shallow,
            deepen=deepen,
            also=also,
            login=self._credentials.login(),
            proxy=_proxy(config.address),
            ca_file=str(config.auth.ca_file or ""),
            silence_seconds=config.silence_seconds,
            fetch_bytes_max=config.limits.fetch_bytes_max,
        )


def _proxy(address: Address) -> str:
    """Return the proxy that the environment names for HTTPS (`https_proxy`, `no_proxy`); none for this machine.

    libgit2 1.9 has none for plain HTTP.
    """
    if address.scheme != "https" or address.loopback or proxy_bypass(address.host):
        return ""
    return getproxies().get("https", "")


@contextlib.contextmanager
def damage_named(url: str) -> Iterator[None]:
    """Turn `MirrorError` into the `FetchError` that says so."""
    try:
        yield
    except MirrorError as error:
        hint = "it is fetched anew; if it stays so: is the disk full, is the repository whole (git fsck)?"
        raise FetchError("damaged", f"what was fetched of {url} is not whole: {error}\n  hint: {hint}") from error
