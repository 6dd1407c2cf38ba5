"""Where a repository is: a URL, or `user@host:path` as git has it (git-fetch(1), GIT URLS)."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from engine.sync.git.errors import GitConfigError

SCHEMES: Final = frozenset({"https", "http", "ssh", "file"})
_SCP: Final = re.compile(
    r"(?:(?P<user>[A-Za-z0-9._-]+)@)?(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(?P<path>[^/].*|/.+)"
)
_HINT: Final = "\n  hint: https://host/path.git, ssh://git@host/path.git, git@host:path.git, or file:///path"


@dataclass(frozen=True, slots=True)
class Address:
    """A repository's address in parts. `url` is what the transport is given."""

    url: str
    scheme: str
    user: str
    host: str
    port: int | None
    path: str

    @property
    def loopback(self) -> bool:
        """Whether what is sent there stays on this machine."""
        if self.scheme == "file" or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def parse(url: str) -> Address:
    """Return the parts of an address. Raises `GitConfigError` for what is none, or holds a password."""
    if not url.isprintable() or " " in url or not url:
        raise GitConfigError("url", f"{url!r} is no address of a repository{_HINT}")
    if "://" not in url:
        return _scp(url)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise GitConfigError("url", f"the URL cannot be read: {error}{_HINT}") from None
    if parts.password is not None:
        raise GitConfigError("url", "the URL holds a password\n  hint: put it into a secret, and name that in auth")
    if parts.scheme not in SCHEMES:
        raise GitConfigError("url", f"{parts.scheme}:// is not understood{_HINT}")
    if parts.query or parts.fragment:
        raise GitConfigError("url", f"the URL of a repository has no '?' and no '#'{_HINT}")
    local = parts.scheme == "file"
    if (parts.hostname or "").startswith("-"):
        raise GitConfigError("url", f"{parts.hostname!r} is no host{_HINT}")
    if bool(parts.hostname) is local or len(parts.path) < 2 or (local and (port or parts.username)):
        raise GitConfigError("url", f"{url!r} names no {'folder' if local else 'host and path'}{_HINT}")
    return Address(url, parts.scheme, parts.username or "", parts.hostname or "", port, parts.path)


def _scp(url: str) -> Address:
    found = _SCP.fullmatch(url)
    if found is None:
        raise GitConfigError("url", f"{url!r} is no address of a repository{_HINT}")
    user, host, path = found["user"] or "", found["host"].strip("[]"), found["path"]
    return Address(url, "ssh", user, host, None, path)
