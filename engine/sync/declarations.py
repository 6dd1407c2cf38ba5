"""Declared sources: what is written of one, whether it can be so, and the source that it stands for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dsl.durations import parse_duration
from dsl.model import DEFAULT_NAMESPACE
from engine.forges import FORGES, ForgeConfigError, HookConfig, StatusConfig
from engine.forges.whereabouts import repository_of
from engine.sync.folder import FolderSource
from engine.sync.source import Policy, Rules, Source

SecretOf = Callable[[str, str], str]
"""Gives a secret's value by namespace and name. Raises `LookupError` with a message that says how to set it."""

_DURATIONS: Final = {"interval": "interval_seconds", "timeout": "timeout_seconds"}
_SERVERS_OWN: Final = ("token_command", "ca_file")
"""Fields of `auth` that reach into the server's machine: only its own file may say them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One source as it is declared. `spec` fits the schema; `place` says where, if in the server's own file."""

    name: str
    spec: Mapping[str, Any]
    place: str = field(default="", compare=False)

    @property
    def kind(self) -> str:
        """`folder` or `git`."""
        return "git" if "git" in self.spec else "folder"

    @property
    def suspended(self) -> bool:
        """Whether it is declared to rest."""
        return bool(self.spec.get("suspended", False))


class DeclarationError(ValueError):
    """A declaration fits the schema and cannot be so; `path` leads to the field, the message says what would do."""

    def __init__(self, path: Sequence[str], message: str) -> None:
        super().__init__(message)
        self.path = tuple(path)


def check(declaration: Declaration, *, servers_own: bool) -> None:
    """Raise `DeclarationError` for a declaration that cannot be so. `servers_own`: it stands in the server's file."""
    if declaration.kind == "git":
        auth = declaration.spec["git"].get("auth", {})
        for name in _SERVERS_OWN:
            if name in auth and not servers_own:
                raise DeclarationError(
                    ("git", "auth", name), f"{name} reaches into the server's machine: only chronoverse.yaml may say it"
                )
        _git_config(declaration)


def open_source(declaration: Declaration, directory: Path, secret_of: SecretOf) -> Source:
    """Return the source. Mirrors of repositories lie in `directory`. Raises `DeclarationError`."""
    if declaration.kind == "folder":
        return FolderSource(declaration.name, Path(declaration.spec["folder"]["path"]), rules_of(declaration))
    from engine.sync.git.source import GitSource  # noqa: PLC0415 - libgit2 is loaded by who has a git source

    namespace = declaration.spec.get("namespace", DEFAULT_NAMESPACE)
    return GitSource(_git_config(declaration), directory, secrets=lambda name: secret_of(namespace, name))


def forget(name: str, directory: Path) -> None:
    """Remove what the source of that name left in the directory of mirrors."""
    if directory.exists():
        from engine.sync.git.mirror import forget as forget_mirror  # noqa: PLC0415 - as above

        forget_mirror(directory, name)


def rules_of(declaration: Declaration) -> Rules:
    """Return how the source is taken over."""
    spec = declaration.spec
    default = Policy.ATOMIC if declaration.kind == "git" else Policy.PARTIAL
    return Rules(
        namespace=spec.get("namespace", DEFAULT_NAMESPACE),
        namespaces=tuple(spec.get("namespaces", ())),
        policy=Policy(spec.get("policy", default)),
        prune=spec.get("prune", True),
        allow_rewind=spec.get("git", {}).get("allow_rewind", False),
    )


def _git_config(declaration: Declaration) -> Any:
    from engine.sync.git.config import GitAuth, GitConfig  # noqa: PLC0415 - as above
    from engine.sync.git.errors import GitConfigError  # noqa: PLC0415 - as above

    given = {name: value for name, value in declaration.spec["git"].items() if name not in {"auth", "allow_rewind"}}
    auth = dict(declaration.spec["git"].get("auth", {}))
    for name, target in _DURATIONS.items():
        if name in given:
            given[target] = parse_duration(given.pop(name))
    for name in ("include", "exclude"):
        if name in given:
            given[name] = tuple(given[name])
    if "token_command" in auth:
        auth["token_command"] = tuple(auth["token_command"])
    if "ca_file" in auth:
        auth["ca_file"] = Path(auth["ca_file"])
    given |= _forges(given)
    try:
        return GitConfig(name=declaration.name, rules=rules_of(declaration), auth=GitAuth(**auth), **given)
    except GitConfigError as error:
        raise DeclarationError(_path(error.field), str(error).partition(": ")[2]) from error


def _forges(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a git source that speak of its forge, read."""
    read: dict[str, Any] = {}
    try:
        if "hook" in given:
            read["hook"] = HookConfig.read(given["hook"])
        if "status" in given:
            read["status"] = status = StatusConfig.read(given["status"])
            repository_of(given["url"], FORGES[status.forge], status, token="")  # whether it can be told at all
    except ForgeConfigError as error:
        raise DeclarationError(("git", *error.place.split(".")), str(error).partition(": ")[2]) from error
    return read


def _path(name: str) -> tuple[str, ...]:
    """Return where a field of the configuration stands in the declaration."""
    written = {target: source for source, target in _DURATIONS.items()}
    parts = name.partition("[")[0].split(".")
    return ("git", *(written.get(part, part) for part in parts))
