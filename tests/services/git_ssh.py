"""Git over SSH: an sshd of our own on loopback, with its own host key and one key that may come in, for `git-shell`."""

import contextlib
import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.services import processes
from tests.services.errors import ServiceUnavailableError
from tests.services.git import SECONDS_MAX, Repository, ensure, environ, new_repository
from tests.services.place import LOG_LINES_SHOWN
from tests.services.ports import free_port

PASSPHRASE = "correct horse"
RUN_DIRECTORY = Path("/run/sshd")
"""Where sshd as root separates its privileges; Debian's init script makes it, which did not run here."""


@dataclass(frozen=True)
class GitSsh:
    """The server: where it is, the key that may come in, and the key that it shows."""

    root: Path
    port: int
    user: str
    key: str
    locked_key: str
    """The same right, behind `PASSPHRASE`."""
    stranger: str
    """A key that may not come in."""
    known_hosts: str

    def new(self, name: str) -> Repository:
        """Make a repository that is served as `url(name)`."""
        return new_repository(self.root / f"{name}.git")

    def url(self, name: str) -> str:
        """Give the URL of a repository."""
        return f"ssh://{self.user}@127.0.0.1:{self.port}{self.root}/{name}.git"


@contextlib.contextmanager
def serving(root: Path) -> Iterator[GitSsh]:
    """Run sshd for the repositories beneath a directory.

    Raises:
        ServiceUnavailableError: There is no sshd, and it cannot be had; or it does not start.
    """
    shell, sshd = ensure("git-shell", "git"), ensure("sshd", "openssh-server")
    if os.geteuid() == 0:
        RUN_DIRECTORY.mkdir(mode=0o755, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cv-git-ssh-") as directory:
        home, port = Path(directory), free_port()
        host, keys = _key(home / "host"), [_key(home / "client"), _key(home / "locked", PASSPHRASE)]
        stranger = _key(home / "stranger")
        options = f'restrict,command="{shell} -c \\"$SSH_ORIGINAL_COMMAND\\""'
        (home / "authorized_keys").write_text("".join(f"{options} {_public(key)}" for key in keys))
        (home / "config").write_text(_config(home, port))
        server = processes.launch(
            [sshd, "-D", "-e", "-f", str(home / "config")], environ=environ(), log=home / "output.log"
        )
        try:
            _wait(server, port, home / "output.log")
            user = pwd.getpwuid(os.geteuid()).pw_name
            known = f"[127.0.0.1]:{port} {_public(host)}"
            yield GitSsh(root, port, user, *(item.read_text() for item in (*keys, stranger)), known)
        finally:
            processes.end([server], str(home), grace_seconds=2.0)


def _config(home: Path, port: int) -> str:
    return (
        f"ListenAddress 127.0.0.1:{port}\nHostKey {home}/host\nAuthorizedKeysFile {home}/authorized_keys\n"
        "StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        "PermitRootLogin prohibit-password\nPidFile none\nMaxStartups 100\n"
    )


def _key(path: Path, passphrase: str = "") -> Path:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "", "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS_MAX)
    return path


def _public(key: Path) -> str:
    return key.with_suffix(".pub").read_text()


def _wait(server: processes.Recorded, port: int, log: Path) -> None:
    """Wait until the server listens: it says so."""
    command = ["ssh-keyscan", "-T", "5", "-p", str(port), "127.0.0.1"]
    while True:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS_MAX, check=False)
        if done.stdout:
            return
        if not processes.alive(server):
            lines = log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
            raise ServiceUnavailableError("\n".join(["sshd ended while starting; its log ends:", *lines]))
