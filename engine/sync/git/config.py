"""What a git source is told: where, which commit, what of it, and how it shows who it is."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsl.limits import FILE_BYTES_MAX
from engine.forges.interface import HookConfig, StatusConfig
from engine.sync.files import DEPTH_MAX, ENTRIES_MAX, FILES_MAX, TOTAL_BYTES_MAX
from engine.sync.git import checks
from engine.sync.git.address import Address, parse
from engine.sync.git.refs import Selector
from engine.sync.source import Policy, Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class GitLimits:
    """What a commit may hold, and what a fetch may take. Beyond it the source is not read at all, and says so."""

    files_max: int = FILES_MAX
    """Workflow files, after `path`, `include` and `exclude`."""
    entries_max: int = ENTRIES_MAX
    """Files and folders looked at."""
    depth_max: int = DEPTH_MAX
    """Folders in folders, beneath `path`."""
    total_bytes_max: int = TOTAL_BYTES_MAX
    """All workflow files together."""
    file_bytes_max: int = FILE_BYTES_MAX
    """One workflow file; more than `dsl.limits.FILE_BYTES_MAX` is refused when it is loaded, whatever stands here."""
    fetch_bytes_max: int = 1 << 30
    """What one fetch may receive from the server; of everything in the commit, not of workflow files only."""

    def __post_init__(self) -> None:
        checks.positive(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class GitAuth:
    """How a source shows who it is. Fields that end with `_secret` hold the NAMES of secrets, never values.

    At most one of a token, a token command, a password and an SSH key; none for what everybody may read.
    """

    username: str = ""
    """For HTTPS: with a password as the account has it; with a token what the forge wants, `x-access-token` unless told
    (GitHub, Gitea and GitLab take any; Bitbucket wants `x-token-auth`). For SSH it stands in the URL."""
    password_secret: str = ""
    """The secret with the password for HTTPS."""
    token_secret: str = ""
    """The secret with an access token for HTTPS."""
    token_command: tuple[str, ...] = ()
    """A program and its arguments whose output is the token, as for a GitHub App: plain text, or JSON with `token` and
    `expires_at` (RFC 3339). It sees `PATH`, `HOME`, `LANG` and `CHRONOVERSE_GIT_URL` of the environment, and no more.
    It runs as the server: let nobody set it but who may change the server's configuration."""
    token_command_seconds_max: float = 30.0
    """How long the command may take."""
    token_seconds: float = 300.0
    """How long a token of the command is used that does not say when it expires."""
    ssh_key_secret: str = ""
    """The secret with the private key for SSH: the text of the file, OpenSSH or PEM."""
    ssh_passphrase_secret: str = ""
    """The secret with the passphrase of that key, where it has one."""
    known_hosts: str = ""
    """The host keys that an SSH server may show: lines as in `known_hosts` (sshd(8)). With a server whose key
    is not here nothing is exchanged. SSH needs them."""
    ca_file: Path | None = None
    """Certificates (PEM) that vouch for an HTTPS server, instead of the system's."""
    plain_http: bool = False
    """Whether credentials may go over `http://`, where everybody on the way reads them. Loopback may always."""

    def __post_init__(self) -> None:
        checks.one_way_in(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class GitConfig:
    """A git source. At most one of `branch`, `tag`, `semver` and `commit`; none follows the server's HEAD.

    Raises:
        GitConfigError: A field cannot be so; the error names the field and says what would do.
    """

    name: str
    """The name that the source is shown under; at most 100 characters."""
    url: str
    """`https://…`, `http://…`, `ssh://user@host[:port]/path`, `user@host:path`, `file:///path`. Without a password."""
    branch: str = ""
    """The branch whose newest commit is taken."""
    tag: str = ""
    """The tag whose commit is taken; annotated or not."""
    semver: str = ""
    """The range whose newest tag is taken (`~1.4`, `^2`, `>=1.2 <2`, `1.x || 2.x`); tags may begin with `v`."""
    commit: str = ""
    """The commit that is taken, by its whole name: 40 hexadecimal digits."""
    path: str = ""
    """The folder of the repository that holds the workflows; empty for all of it."""
    include: tuple[str, ...] = ()
    """Globs of the files taken, relative to `path`; empty takes all. Only `**` spans folders."""
    exclude: tuple[str, ...] = ()
    """Globs of the files left out, after `include`."""
    interval_seconds: float = 60.0
    """How often the server is asked for news when nobody says that there is some."""
    timeout_seconds: float = 600.0
    """How long one fetch may take in all."""
    silence_seconds: float = 20.0
    """How long the server may say nothing, and how long connecting to it may take."""
    shallow: bool = True
    """Whether only the newest commit is fetched, where the server can do that, instead of the whole history."""
    rules: Rules = field(default_factory=lambda: Rules(policy=Policy.ATOMIC))
    """Namespace, policy, whether to prune, and whether a branch that was moved back is followed (`allow_rewind`)."""
    auth: GitAuth = field(default_factory=GitAuth)
    """How the source shows who it is."""
    limits: GitLimits = field(default_factory=GitLimits)
    """What a commit may hold."""
    hook: HookConfig | None = None
    """Who may tell of pushes."""
    status: StatusConfig | None = None
    """Who is told what becomes of commits."""

    def __post_init__(self) -> None:
        checks.whole(self)

    @property
    def address(self) -> Address:
        """The URL in parts."""
        return parse(self.url)

    @property
    def selector(self) -> Selector:
        """Which commit is taken."""
        return Selector(branch=self.branch, tag=self.tag, semver=self.semver, commit=self.commit)

    def shown(self) -> dict[str, Any]:
        """Return what is shown of it: JSON values, no secrets."""
        chosen = {"branch": self.branch, "tag": self.tag, "semver": self.semver, "commit": self.commit}
        return {
            "url": self.url,
            **{name: value for name, value in chosen.items() if value},
            "path": self.path,
            "include": list(self.include),
            "exclude": list(self.exclude),
            "interval_seconds": self.interval_seconds,
            "allow_rewind": self.rules.allow_rewind,
            "namespace": self.rules.namespace,
            "policy": self.rules.policy.value,
            "prune": self.rules.prune,
            **self.rules.bounds,
            **({"hook": self.hook.shown()} if self.hook else {}),
            **({"status": self.status.shown()} if self.status else {}),
        }
