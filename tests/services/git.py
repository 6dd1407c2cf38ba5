"""Git repositories for tests: bare ones, written with `git fast-import`, served by `git_http` and `git_ssh`.

Nothing outlives the session: repositories lie in a temporary directory, the HTTP server is a thread, sshd is a child.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.services import packages, state
from tests.services.errors import ServiceUnavailableError

SECONDS_MAX = 60
FILE, LINK, SUBMODULE = "100644", "120000", "160000"
START = 1_700_000_000
"""The date of the first commit, in seconds since 1970; each one after is a minute later."""


@dataclass(frozen=True)
class Entry:
    """A tree's entry of another mode than a plain file's: a link's target, or a submodule's commit."""

    mode: str
    content: str


@dataclass
class Repository:
    """A bare repository. `files` that are None are deleted by a commit."""

    path: Path
    _minutes: int = field(default=0)

    def commit(
        self,
        files: Mapping[str, str | bytes | Entry | None],
        *,
        branch: str = "main",
        parent: str | None = "",
        date: int | None = None,
        message: str = "a change",
    ) -> str:
        """Write a commit onto a branch and give its name; `parent` None begins anew, a name goes on from there."""
        self._minutes += 1
        when = START + 60 * self._minutes if date is None else date
        ref = f"refs/heads/{branch}"
        lines = [f"commit {ref}", f"committer Ada Lovelace <ada@example.org> {when} +0000"]
        lines += [f"data {len(message.encode())}", message]
        known = self.tip(ref) if parent == "" else parent
        if known:
            lines.append(f"from {known}")
        script = (f"reset {ref}\n\n" if parent is None else "").encode() + "\n".join(lines).encode() + b"\n"
        script += b"".join(_change(path, content) for path, content in files.items())
        self.git("fast-import", "--quiet", "--force", stdin=script + b"\ndone\n")
        return self.tip(ref)

    def tip(self, ref: str) -> str:
        """Give the commit of a reference; empty where there is none."""
        return self.git("for-each-ref", "--format=%(objectname)", ref).strip()

    def move(self, ref: str, commit: str) -> None:
        """Let a reference name another commit, as a forced push does."""
        self.git("update-ref", ref, commit)

    def delete(self, ref: str) -> None:
        """Delete a reference."""
        self.git("update-ref", "-d", ref)

    def tag(self, name: str, commit: str, *, annotated: bool = False) -> None:
        """Tag a commit, or move the tag there."""
        self.git("tag", "--force", *(["--annotate", "--message", name] if annotated else []), name, commit)

    def git(self, *words: str, stdin: bytes = b"") -> str:
        """Run git in the repository and give its output."""
        command = ["git", "--git-dir", str(self.path), *words]
        done = subprocess.run(
            command, input=stdin, capture_output=True, env=environ(), timeout=SECONDS_MAX, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode()


def new_repository(path: Path) -> Repository:
    """Make an empty bare repository whose default branch is `main`."""
    path.mkdir(parents=True)
    repository = Repository(path)
    repository.git("init", "--quiet", "--bare", "--initial-branch=main", str(path))
    return repository


def environ(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give git's environment: nobody's configuration, and a person of its own."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in _PERSON.items()}
    none = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent"}
    return {**clean, **none, **who, **(more or {})}


def ensure(program: str, package: str) -> str:
    """Give the path of a program, installed with apt where that can be.

    Raises:
        ServiceUnavailableError: It is not there and cannot be had.
    """
    places = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    if not shutil.which(program, path=places):
        with state.locked():
            packages.install([package])
    found = shutil.which(program, path=places)
    if found is None:
        raise ServiceUnavailableError(f"{program} is not found after installing {package}")
    return found


_PERSON = {"NAME": "Ada Lovelace", "EMAIL": "ada@example.org"}


def _change(path: str, content: str | bytes | Entry | None) -> bytes:
    quoted = '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    if content is None:
        return f"D {quoted}\n".encode()
    if isinstance(content, Entry) and content.mode == SUBMODULE:
        return f"M {SUBMODULE} {content.content} {quoted}\n".encode()
    mode = content.mode if isinstance(content, Entry) else FILE
    text = content.content if isinstance(content, Entry) else content
    data = text if isinstance(text, bytes) else text.encode()
    return f"M {mode} inline {quoted}\ndata {len(data)}\n".encode() + data + b"\n"
