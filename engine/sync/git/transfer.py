"""The process that talks to a git server for the engine: it reads one job, does it, answers, and ends.

A process of its own, since libgit2's limits on waiting, its `known_hosts` and its configuration are those of a process;
since it can be ended at any moment; and since what a server sends is taken apart here, with no secrets but its login.
"""

import os
import resource
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import pygit2
from pygit2.enums import ConfigLevel, CredentialType

from engine.sync.git.address import Address, parse
from engine.sync.git.faults import LoginError, MirrorError, RedirectError, TooLargeError, explained
from engine.sync.git.job import HEAD, Answer, Job, Login
from engine.sync.git.refs import BRANCHES, COMMIT, TAGS, Chosen, NoRefError, Ref, Selector

MEMORY_BYTES_MAX: Final = 4 << 30
"""What taking a pack apart may need; beyond it the process ends, and not the machine."""
TRIES_MAX: Final = 3
"""How often the server's references are looked at anew, when they move while they are fetched."""
ALL: Final = "refs/chronoverse/all/"


class _Callbacks(pygit2.RemoteCallbacks):
    """What libgit2 asks during a transfer."""

    def __init__(self, address: Address, login: Login | None, bytes_max: int) -> None:
        super().__init__()
        self._address = address
        self._login = login
        self._bytes_max = bytes_max
        self._shown = False
        self.received_bytes = 0

    def credentials(self, url: str, username_from_url: str | None, allowed_types: Any) -> Any:
        """Show the login once: a server that asks again has refused it. `url` is where a redirect led, if it did."""
        if self._login is None:
            raise LoginError("it wants credentials, and 'auth' names none")
        if not _same_place(self._address, url):
            raise RedirectError(url)
        if allowed_types == CredentialType.USERNAME:
            return pygit2.Username(username_from_url or self._login.username)
        if self._shown:
            raise LoginError("it refused the credentials")
        self._shown = True
        if self._login.key:
            user = username_from_url or self._login.username
            return pygit2.KeypairFromMemory(user, "", self._login.key, self._login.passphrase)
        return pygit2.UserPass(self._login.username, self._login.password)

    def certificate_check(self, certificate: None, valid: bool, host: bytes) -> bool:  # noqa: ARG002
        """Take what libgit2 found out: without this, pygit2 takes any SSH host key."""
        return valid

    def transfer_progress(self, stats: Any) -> None:
        """Keep to the limit."""
        self.received_bytes = stats.received_bytes
        if stats.received_bytes > self._bytes_max:
            raise TooLargeError(f"it sends more than {self._bytes_max:,} bytes")


class Transfer:
    """One job."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._address = parse(job.url)
        self._selector = Selector(branch=job.branch, tag=job.tag, semver=job.semver, commit=job.commit, ref=job.ref)
        self._callbacks = _Callbacks(self._address, job.login, job.fetch_bytes_max)
        self._proxy = job.proxy or None
        self._depth = 1 if job.shallow and self._address.scheme != "file" else 0

    def run(self) -> Answer:
        """Do it. Raises what `explained` explains."""
        repository = _mirror(Path(self._job.mirror))
        for _ in range(TRIES_MAX):
            remote, chosen = self._connect(repository)
            oid = chosen.oid
            if oid == _head(repository) and not self._job.deepen:
                break
            try:
                oid = self._fetch(repository, remote, chosen)
                break
            except pygit2.GitError:
                if self._connect(repository)[1] == chosen:
                    raise
        else:
            raise pygit2.GitError(f"{self._selector} moves faster than it can be fetched")
        if self._job.also:
            self._fetch_also(repository)
        return Answer(ref=chosen.ref, oid=oid, received_bytes=self._callbacks.received_bytes)

    def _connect(self, repository: pygit2.Repository) -> tuple[pygit2.Remote, Chosen]:
        """Look at the server's references and choose; what is then fetched is of this very look."""
        self._callbacks = _Callbacks(self._address, self._job.login, self._job.fetch_bytes_max)
        remote = repository.remotes.create_anonymous(self._job.url)
        remote.connect(callbacks=self._callbacks, proxy=self._proxy)
        heads = remote.list_heads(connect=False)
        refs = (Ref(head.name or "", str(head.oid), head.symref_target or "") for head in heads)
        return remote, self._selector.choose(refs)

    def _fetch(self, repository: pygit2.Repository, remote: pygit2.Remote, chosen: Chosen) -> str:
        """Fetch it, and return its whole name."""
        oid = chosen.oid
        if chosen.ref:
            self._get(remote, [f"+{chosen.ref}:{HEAD}"], self._job.deepen or self._depth)
        elif COMMIT.fullmatch(oid):
            self._fetch_commit(repository, remote, oid)
        else:
            oid = self._fetch_abbreviated(repository, remote, oid)
        if _head(repository) != oid:
            raise pygit2.GitError("the server sent something else than it said")
        return oid

    def _fetch_commit(self, repository: pygit2.Repository, remote: pygit2.Remote, oid: str) -> None:
        """Fetch a commit that no reference names: by its name where the server allows that, else among everything."""
        try:
            self._get(remote, [f"{oid}:{HEAD}"], self._job.deepen or self._depth)
        except pygit2.GitError:
            remote, _ = self._connect(repository)
            self._get_all(remote)
        if oid not in repository:
            raise _no_commit(oid)
        repository.references.create(HEAD, oid, force=True)

    def _fetch_abbreviated(self, repository: pygit2.Repository, remote: pygit2.Remote, digits: str) -> str:
        """Fetch a commit by the beginning of its name. Only among everything can be told that there is no other."""
        self._get_all(remote)
        try:
            oid = str(repository.expand_id(digits))
        except KeyError:
            raise _no_commit(digits) from None
        except (pygit2.GitError, ValueError):
            raise NoRefError(
                "ref_ambiguous", f"several things begin with {digits}\n  hint: give more of its digits"
            ) from None
        repository.references.create(HEAD, oid, force=True)
        return oid

    def _get_all(self, remote: pygit2.Remote) -> None:
        self._get(remote, [f"+{kind}*:{ALL}{kind}*" for kind in (BRANCHES, TAGS)], 0)

    def _fetch_also(self, repository: pygit2.Repository) -> None:
        """Fetch a commit that may be gone, or not to be had by its name."""
        if self._job.also in repository:
            return
        try:
            remote, _ = self._connect(repository)
            self._get(remote, [f"{self._job.also}:{ALL}{self._job.also}"], self._job.deepen)
        except pygit2.GitError:
            return

    def _get(self, remote: pygit2.Remote, refspecs: Sequence[str], depth: int) -> None:
        try:
            remote.fetch(list(refspecs), callbacks=self._callbacks, proxy=self._proxy, depth=depth)
        except pygit2.InvalidError as error:
            if "shallow" not in str(error):
                raise
            remote.fetch(list(refspecs), callbacks=self._callbacks, proxy=self._proxy)


def _mirror(path: Path) -> pygit2.Repository:
    """Open the mirror, or begin it. Nothing in it comes from the server but objects. Raises `MirrorError`."""
    try:
        if path.exists():
            return pygit2.Repository(str(path))
        repository = pygit2.init_repository(str(path), bare=True)
        # Redirects within the host only; `credentials` looks at the rest of the address.
        repository.config["http.followRedirects"] = "false"
    except (pygit2.GitError, OSError, KeyError, ValueError) as error:
        raise MirrorError(str(error)) from error
    return repository


def _head(repository: pygit2.Repository) -> str:
    """Return what the mirror has; empty where it has nothing, or does not have it any more."""
    try:
        oid = str(repository.references[HEAD].target)
        repository[oid]
    except (KeyError, pygit2.GitError, ValueError):
        return ""
    return oid


def _no_commit(oid: str) -> NoRefError:
    hint = "it must be on a branch or a tag, unless the server hands out any commit"
    return NoRefError("ref_not_found", f"there is no commit {oid} on the server\n  hint: {hint}")


def _same_place(address: Address, url: str) -> bool:
    """Whether a URL is on the server that the login is for; the same host's https will do for http."""
    if address.scheme == "ssh" or "://" not in url:
        return True  # SSH has no redirects
    other = parse(url)
    if (address.scheme, address.host, address.port) == (other.scheme, other.host, other.port):
        return True
    return (address.scheme, other.scheme, address.host, other.port) == ("http", "https", other.host, None)


def _prepare(job: Job) -> None:
    """Set what is the whole process's: limits, no configuration of anybody, and where host keys are.

    Whose a repository on this machine is does not matter, since nothing in it is run or obeyed.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    for level in (ConfigLevel.SYSTEM, ConfigLevel.GLOBAL, ConfigLevel.XDG, ConfigLevel.PROGRAMDATA):
        pygit2.settings.search_path[level] = job.home
    pygit2.settings.owner_validation = False
    pygit2.settings.homedir = job.home
    silence_milliseconds = max(int(job.silence_seconds * 1000), 1)
    pygit2.settings.server_connect_timeout = silence_milliseconds
    pygit2.settings.server_timeout = silence_milliseconds
    if job.ca_file:
        pygit2.settings.ssl_cert_file = job.ca_file


def done(job: Job) -> Answer:
    """Do a job in this process, and answer for it."""
    try:
        _prepare(job)
        return Transfer(job).run()
    except (pygit2.GitError, OSError, KeyError, ValueError, MemoryError) as error:
        reason, message = explained(error, job.url)
    except (LoginError, RedirectError, TooLargeError, MirrorError, NoRefError) as error:
        reason, message = explained(error, job.url)
    return Answer(reason=reason, message=message)


def _end_with_parent() -> None:
    """End when standard input does: then whoever asked is gone."""
    sys.stdin.buffer.read(1)
    os._exit(1)


def main() -> None:
    """Read a job, answer, end at once."""
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=Job)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.stdout.buffer.write(msgspec.json.encode(done(job)))
    sys.stdout.buffer.flush()
    os._exit(0)
