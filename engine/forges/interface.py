"""What a forge is to us: who tells of pushes, and is told what became of each commit. One module plays it for each.

A forge is configured with its source; the source's shown configuration holds `hook` and `status` as `shown` gives them.
Secrets are meant by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol, Self

CONTEXT: Final = "chronoverse"
"""The name under which statuses are shown beside those of others."""


class ForgeKind(StrEnum):
    """The forges that are understood."""

    GITHUB = "github"
    """github.com, and GitHub Enterprise."""
    GITLAB = "gitlab"
    """gitlab.com, and GitLab's own servers."""
    GITEA = "gitea"
    """Gitea, and Forgejo and Codeberg, which speak the same."""
    BITBUCKET = "bitbucket"
    """Bitbucket Cloud; webhooks of Bitbucket Data Center too."""


_ALIASES: Final = {"forgejo": ForgeKind.GITEA, "codeberg": ForgeKind.GITEA}


class ForgeConfigError(ValueError):
    """A field of `hook` or `status` cannot be so; the message names it and says what would do."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(f"{place}: {message}")
        self.place = place


@dataclass(frozen=True, slots=True)
class HookConfig:
    """Who may tell of pushes: `secret` names the secret that the forge signs with.

    `previous_secret` names the one that it signed with before, which counts as well while they are changed.
    """

    forge: ForgeKind
    secret: str
    previous_secret: str = ""

    @classmethod
    def read(cls, given: Any, place: str = "hook") -> Self:
        """Return what a configuration says. Raises `ForgeConfigError`."""
        fields = _fields(given, place, {"forge", "secret", "previous_secret"}, {"forge", "secret"})
        kind, previous = _kind(fields["forge"], f"{place}.forge"), fields.get("previous_secret", "")
        if previous == fields["secret"]:
            hint = "keep the new value under another name"
            raise ForgeConfigError(f"{place}.previous_secret", f"{previous} is the secret already\n  hint: {hint}")
        return cls(kind, fields["secret"], previous)

    def shown(self) -> dict[str, str]:
        """Return it as JSON values; there is no secret in it."""
        values = {"forge": str(self.forge), "secret": self.secret, "previous_secret": self.previous_secret}
        return {name: value for name, value in values.items() if value}

    @property
    def secrets(self) -> list[str]:
        """The names of the secrets that count, the newest first."""
        return [name for name in (self.secret, self.previous_secret) if name]


@dataclass(frozen=True, slots=True)
class StatusConfig:
    """Who is told what becomes of commits: `token` names the secret that lets us.

    `api` is the address of the forge's API, `repository` the repository's path there; empty: as the source's URL says.
    """

    forge: ForgeKind
    token: str
    api: str = ""
    repository: str = ""
    context: str = CONTEXT

    @classmethod
    def read(cls, given: Any, place: str = "status") -> Self:
        """Return what a configuration says. Raises `ForgeConfigError`."""
        fields = _fields(given, place, {"forge", "token", "api", "repository", "context"}, {"forge", "token"})
        api = fields.get("api", "")
        if api and not api.startswith(("https://", "http://")):
            raise ForgeConfigError(f"{place}.api", f"{api!r} is no address; write https://git.example.com/api/v4")
        kind = _kind(fields["forge"], f"{place}.forge")
        return cls(kind, fields["token"], api, fields.get("repository", ""), fields.get("context", CONTEXT))

    def shown(self) -> dict[str, str]:
        """Return it as JSON values; there is no secret in it."""
        values = {"forge": str(self.forge), "token": self.token, "api": self.api, "repository": self.repository}
        return {name: value for name, value in values.items() if value} | {"context": self.context}


@dataclass(frozen=True, slots=True)
class Push:
    """One reference that was moved. `commit` is None where it was deleted, or where its commit is not told.

    `default_branch` is the repository's, where the forge tells it.
    """

    ref: str
    commit: str | None
    title: str = ""
    author: str = ""
    default_branch: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook request whose signature holds. `event` is the forge's word; without `pushes` there is nothing to do."""

    event: str
    ping: bool = False
    pushes: tuple[Push, ...] = ()


class StatusState(StrEnum):
    """What a forge is told of a commit."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"
    STOPPED = "stopped"
    """Neither: a newer commit took its place."""


@dataclass(frozen=True, slots=True)
class CommitStatus:
    """What a forge is told. `link` is where people read more; it may be empty."""

    commit: str
    state: StatusState
    description: str
    link: str
    context: str = CONTEXT


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository as a forge's API knows it. `web` is the address of its pages."""

    api: str
    path: str
    web: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class StatusRequest:
    """The request that tells a forge. `moot` are texts of refusals which say that there is nothing to tell."""

    url: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    moot: tuple[str, ...] = ()


class Forge(Protocol):
    """What each forge's module gives. It does no I/O: what is received and sent goes in and out as values."""

    kind: ForgeKind

    def is_signed(self, secret: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
        """Whether the request is signed with the secret, which is not empty.

        Headers have names in lower case; `now` is in seconds (Unix).
        """

    def delivery_id(self, headers: Mapping[str, str]) -> str:
        """Return the name of the delivery, which one sent again has too; empty where the forge gives none."""

    def read(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        """Return what a signed request says. Raises `BodyError`."""

    def api_of(self, scheme: str, host: str) -> str:
        """Return the address of the API of the server that the repository is on; `host` may have a port."""

    def status_request(self, repository: Repository, status: CommitStatus) -> StatusRequest:
        """Return the request that tells of a status."""


def _fields(given: Any, place: str, known: set[str], wanted: set[str]) -> dict[str, str]:
    if not isinstance(given, dict):
        raise ForgeConfigError(place, f"it is an object with {', '.join(sorted(wanted))}")
    for name, value in given.items():
        if name not in known:
            raise ForgeConfigError(
                f"{place}.{name}", f"it is not known here; its fields are {', '.join(sorted(known))}"
            )
        if not isinstance(value, str) or not value:
            raise ForgeConfigError(f"{place}.{name}", "it is a text that is not empty")
    for name in sorted(wanted - given.keys()):
        raise ForgeConfigError(f"{place}.{name}", "it is missing")
    return given


def _kind(text: str, place: str) -> ForgeKind:
    try:
        return _ALIASES.get(text) or ForgeKind(text)
    except ValueError:
        listed = ", ".join([*ForgeKind, *_ALIASES])
        raise ForgeConfigError(place, f"{text!r} is no forge; it is one of {listed}") from None
