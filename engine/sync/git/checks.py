"""Whether a configuration can be: each check names the field, and says what would do."""

import re
from dataclasses import fields
from typing import TYPE_CHECKING, Final

from engine.sync.git.address import Address, parse
from engine.sync.git.errors import GitConfigError
from engine.sync.git.globs import GLOBS_MAX, GlobError, compiled
from engine.sync.git.known_hosts import KnownHostsError, check_lines
from engine.sync.git.refs import COMMIT, is_ref_name
from engine.sync.git.semver import RangeError, parse_range

if TYPE_CHECKING:
    from engine.sync.git.config import GitAuth, GitConfig, GitLimits

INTERVAL_SECONDS_MIN: Final = 1.0
NAME_CHARACTERS_MAX: Final = 100
_SECRET: Final = re.compile(r"[A-Z][A-Z0-9_]{0,99}")
"""Names of secrets. What is none is not shown: it may be the secret itself, put in the wrong place."""


def positive(limits: "GitLimits") -> None:
    """Raise `GitConfigError` for a limit below one."""
    for field in fields(limits):
        if getattr(limits, field.name) < 1:
            raise GitConfigError(f"limits.{field.name}", "a limit is at least 1")


def one_way_in(auth: "GitAuth") -> None:
    """Raise `GitConfigError` unless there is at most one way to show who it is, and it is whole."""
    for name in ("password_secret", "token_secret", "ssh_key_secret", "ssh_passphrase_secret"):
        value = getattr(auth, name)
        if value and not _SECRET.fullmatch(value):
            raise GitConfigError(
                f"auth.{name}", "this is the NAME of a secret: capitals, digits and _, as in GIT_TOKEN"
            )
    ways = [auth.password_secret, auth.token_secret, auth.ssh_key_secret, auth.token_command]
    if sum(map(bool, ways)) > 1:
        raise GitConfigError("auth", "one of a password, a token, a token command and an SSH key is enough")
    if ":" in auth.username or not auth.username.isprintable():
        raise GitConfigError("auth.username", "the name of an account has no ':' (RFC 7617)")
    if auth.password_secret and not auth.username:
        raise GitConfigError("auth.username", "a password needs the name of the account")
    if auth.ssh_passphrase_secret and not auth.ssh_key_secret:
        raise GitConfigError("auth.ssh_passphrase_secret", "a passphrase needs ssh_key_secret")
    for name in ("token_command_seconds_max", "token_seconds"):
        if not 0 < getattr(auth, name) <= 86_400:
            raise GitConfigError(f"auth.{name}", "more than 0 and at most 86,400 seconds")
    if auth.known_hosts:
        try:
            check_lines(auth.known_hosts)
        except KnownHostsError as error:
            raise GitConfigError("auth.known_hosts", f"{error}\n  hint: ssh-keyscan HOST, and compare") from None


def whole(config: "GitConfig") -> None:
    """Raise `GitConfigError` for the first field that cannot be so."""
    if not 0 < len(config.name) <= NAME_CHARACTERS_MAX or not config.name.isprintable():
        raise GitConfigError("name", f"a name has 1 to {NAME_CHARACTERS_MAX} characters")
    address = parse(config.url)
    _selector(config)
    _path(config.path)
    for field in ("include", "exclude"):
        _globs(field, getattr(config, field))
    _times(config)
    _fits(config.auth, address)


def _selector(config: "GitConfig") -> None:
    given = [name for name in ("branch", "tag", "semver", "commit") if getattr(config, name)]
    if len(given) > 1:
        raise GitConfigError(given[1], f"there is '{given[0]}' already: at most one of branch, tag, semver and commit")
    for name in ("branch", "tag"):
        value = getattr(config, name)
        if value and not is_ref_name(value):
            raise GitConfigError(name, f"{value!r} cannot be the name of a {name}\n  hint: without refs/… before it")
        if value.startswith("refs/"):
            raise GitConfigError(name, f"the name alone, as in {value.rpartition('/')[2]!r}")
    if config.commit and not COMMIT.fullmatch(config.commit):
        raise GitConfigError("commit", "the whole name of a commit has 40 hexadecimal digits\n  hint: git rev-parse")
    if config.semver:
        try:
            parse_range(config.semver)
        except RangeError as error:
            raise GitConfigError("semver", f"{error}\n  hint: ~1.4, ^2, >=1.2 <2, 1.x || 2.x") from None


def _path(path: str) -> None:
    parts = path.split("/")
    if path and (".." in parts or "." in parts or "" in parts or "\\" in path or not path.isprintable()):
        raise GitConfigError("path", f"{path!r} is no folder of a repository\n  hint: as in 'deploy/workflows'")


def _globs(field: str, globs: tuple[str, ...]) -> None:
    if len(globs) > GLOBS_MAX:
        raise GitConfigError(field, f"at most {GLOBS_MAX} globs")
    for number, glob in enumerate(globs):
        try:
            compiled(glob)
        except GlobError as error:
            raise GitConfigError(f"{field}[{number}]", str(error)) from None


def _times(config: "GitConfig") -> None:
    if not INTERVAL_SECONDS_MIN <= config.interval_seconds <= 86_400:
        raise GitConfigError("interval_seconds", "1 to 86,400 seconds")
    for name in ("timeout_seconds", "silence_seconds"):
        if not 0 < getattr(config, name) <= 86_400:
            raise GitConfigError(name, "more than 0 and at most 86,400 seconds")


def _fits(auth: "GitAuth", address: Address) -> None:
    """Whether the credentials are of the URL's kind, and nobody else can read them on the way."""
    basic = bool(auth.password_secret or auth.token_secret or auth.token_command)
    if address.scheme == "ssh":
        if basic:
            raise GitConfigError("auth", "an ssh URL needs ssh_key_secret; tokens and passwords are for https")
        if not auth.ssh_key_secret:
            raise GitConfigError("auth.ssh_key_secret", "an ssh URL needs the name of a secret with a private key")
        if not auth.known_hosts:
            hint = f"ssh-keyscan {address.host}, and compare it with what the forge publishes"
            raise GitConfigError("auth.known_hosts", f"an ssh URL needs the server's host keys\n  hint: {hint}")
        return
    if auth.ssh_key_secret:
        raise GitConfigError("auth.ssh_key_secret", "an SSH key needs an ssh URL, as in ssh://git@host/path.git")
    if basic and address.scheme == "file":
        raise GitConfigError("auth", "a file URL takes no credentials")
    if basic and address.scheme == "http" and not (auth.plain_http or address.loopback):
        raise GitConfigError("auth", "credentials would go over plain http\n  hint: https, or auth.plain_http: true")
