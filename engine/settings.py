"""Every setting of a process, read once from the environment.

A value may stand in a file instead, which the variable with `_FILE` after it names, as container platforms hand over
secrets: `CHRONOVERSE_SECRET_KEY_FILE=/run/secrets/key`.
The table in `docs/operations.md` is generated from `SETTINGS`. A bad value raises `SettingsError`, which names the
variable and the remedy.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, NamedTuple

from dsl.durations import DurationError, parse_duration
from dsl.sizes import SizeError, parse_size


class SettingsError(ValueError):
    """A setting has a value that cannot be used; the message names the variable, the value and the remedy."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable: its name, how to read it, its default as written, and a sentence for the docs."""

    variable: str
    read: Callable[[str], Any]
    default: str
    description: str


def _number(minimum: float, maximum: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = float(text)
        if not minimum <= value <= maximum:
            raise ValueError(f"must lie between {minimum:g} and {maximum:g}")
        return value

    return read


def _whole(minimum: int, maximum: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text)
        if not minimum <= value <= maximum:
            raise ValueError(f"must lie between {minimum} and {maximum}")
        return value

    return read


def _choice(*allowed: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return text

    return read


def _flag(text: str) -> bool:
    return _choice("true", "false")(text) == "true"


def _config(text: str) -> Path | None:
    if text:
        return Path(text)
    usual = Path("chronoverse.yaml")
    return usual if usual.is_file() else None


def _web_address(text: str) -> str:
    if text and not text.startswith(("https://", "http://")):
        raise ValueError("must begin with https:// or http://")
    return text.rstrip("/")


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise ValueError("must name at least one")
    return names


def _namespaces(text: str) -> tuple[str, ...]:
    patterns = tuple(pattern.strip() for pattern in text.split(",") if pattern.strip())
    if not all(re.fullmatch(r"[a-z0-9][a-z0-9._-]*(\.\*)?", pattern) for pattern in patterns):
        raise ValueError("must look like web,data.* (namespaces, .* with all below)")
    return patterns


def _capacities(text: str) -> dict[str, int]:
    pairs = [pair.strip() for pair in text.split(",") if pair.strip()]
    found = {}
    for pair in pairs:
        name, equals, units = (part.strip() for part in pair.partition("="))
        if not equals or not name or not units.isdecimal() or int(units) < 1:
            raise ValueError("must look like db-writers=4,gpu=1")
        found[name] = int(units)
    return found


def _pool_kinds(text: str) -> dict[str, tuple[str, ...]]:
    found = {}
    for pair in filter(None, (pair.strip() for pair in text.split(","))):
        pool, equals, listed = (part.strip() for part in pair.partition("="))
        kinds = tuple(kind.strip() for kind in listed.split("+"))
        if not equals or not pool or not all(kinds) or pool in found:
            raise ValueError("must look like default=run+http,gpu=container, each pool once")
        found[pool] = kinds
    return found


EVERYTHING: Final = "*"
"""The rule of `CHRONOVERSE_LOG_RETENTION` that is about all workflows."""


class LogLimit(NamedTuple):
    """How long logs are kept, and how many bytes of them; None bounds nothing."""

    age_seconds: float | None = None
    bytes_max: int | None = None


def _log_retention(text: str) -> dict[str, LogLimit]:
    """Read `data/noisy=1d+100Mi,data=30d+10Gi,*=90d`: a workflow, a namespace or everything, with what bounds it."""
    found: dict[str, LogLimit] = {}
    for rule in filter(None, (rule.strip() for rule in text.split(","))):
        scope, equals, limits = (part.strip() for part in rule.partition("="))
        if not equals or not scope or scope in found or scope.count("/") > 1:
            raise ValueError("must look like data/noisy=1d+100Mi,data=30d+10Gi,*=90d, each scope once")
        found[scope] = _log_limit([part.strip() for part in limits.split("+")])
    return found


def _log_limit(parts: list[str]) -> LogLimit:
    ages = [age for part in parts if (age := _age(part))]
    sizes = [size for part in parts if not _age(part) and (size := _size(part))]
    if len(ages) + len(sizes) != len(parts) or len(ages) > 1 or len(sizes) > 1:
        raise ValueError(f"{'+'.join(parts)!r} is not an age (30d), a size (10Gi) or both (30d+10Gi)")
    return LogLimit(ages[0] if ages else None, sizes[0] if sizes else None)


def _age(text: str) -> float | None:
    try:
        return parse_duration(text)
    except DurationError:
        return None


def _size(text: str) -> int | None:
    try:
        return None if text.isdecimal() else parse_size(text)
    except SizeError:
        return None


def _listening(text: str) -> tuple[str, int] | None:
    """Read `host:port`; a port alone is this machine's own."""
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise ValueError("must look like 127.0.0.1:9464, or be a port alone")
    return host.strip("[]") or "127.0.0.1", int(port)


SETTINGS: Mapping[str, Setting] = {
    "database_url": Setting(
        "CHRONOVERSE_DATABASE_URL",
        str,
        "",
        "Where the truth is kept: `sqlite:///path` or `postgresql://user:password@host/database`. "
        "Empty: SQLite under the state directory.",
    ),
    "broker_url": Setting(
        "CHRONOVERSE_BROKER_URL",
        str,
        "memory://",
        "`memory://` (one process) or `amqp://user:password@host/vhost`.",
    ),
    "state_dir": Setting(
        "CHRONOVERSE_STATE_DIR", Path, ".chronoverse", "Where this process keeps what is its own: database, spool, ids."
    ),
    "workflows_dir": Setting(
        "CHRONOVERSE_WORKFLOWS_DIR", Path, "workflows", "The folder that is watched when no other source is configured."
    ),
    "config": Setting(
        "CHRONOVERSE_CONFIG",
        _config,
        "",
        "The server's configuration file, which declares its sources. Empty: `chronoverse.yaml` where the process "
        "runs, if it is there.",
    ),
    "host": Setting("CHRONOVERSE_HOST", str, "127.0.0.1", "Address of the API."),
    "port": Setting("CHRONOVERSE_PORT", _whole(0, 65535), "8080", "Port of the API; 0 takes a free one."),
    "access": Setting(
        "CHRONOVERSE_ACCESS",
        _choice("auto", "accounts"),
        "auto",
        "API: `auto` asks nobody who he is as long as there is no account and the API serves this machine alone; "
        "`accounts` always does.",
    ),
    "admin_password": Setting(
        "CHRONOVERSE_ADMIN_PASSWORD",
        str,
        "",
        "API: the password of the first account, the administrator `admin`. Once there is an account it says nothing.",
    ),
    "api_url": Setting("CHRONOVERSE_API_URL", str, "http://127.0.0.1:8080", "Where the command line finds the API."),
    "token": Setting(
        "CHRONOVERSE_TOKEN", str, "", "What the command line proves itself with: an API token. Empty: the log-in."
    ),
    "public_url": Setting(
        "CHRONOVERSE_PUBLIC_URL",
        _web_address,
        "",
        "Sync: where people reach the API, as `https://flows.example.com`. What forges show of a commit links there.",
    ),
    "durability": Setting(
        "CHRONOVERSE_DURABILITY",
        _choice("normal", "full"),
        "normal",
        "SQLite only. `normal`: a power cut may lose the last moments, never consistency; `full`: it loses nothing.",
    ),
    "pools": Setting("CHRONOVERSE_POOLS", _names, "default", "Pools that this worker serves, comma-separated."),
    "pool_kinds": Setting(
        "CHRONOVERSE_POOL_KINDS",
        _pool_kinds,
        "",
        "Engine and sync: the kinds that each pool promises, as `default=run+http,gpu=container`. A worker that lacks "
        "one is refused, a task of another kind is a diagnostic. A pool that is not named promises nothing.",
    ),
    "slots": Setting("CHRONOVERSE_SLOTS", _whole(1, 1000), "8", "Attempts that this worker carries out at once."),
    "allow_processes": Setting(
        "CHRONOVERSE_ALLOW_PROCESSES",
        _flag,
        "false",
        "Whether `run` tasks without a container may run on this worker's own machine (`chronoverse up`: true).",
    ),
    "docker_url": Setting(
        "CHRONOVERSE_DOCKER_URL", str, "", "The Docker engine's URL. Empty: `DOCKER_HOST`, else the usual socket."
    ),
    "deny_private_addresses": Setting(
        "CHRONOVERSE_DENY_PRIVATE_ADDRESSES",
        _flag,
        "false",
        "Whether `http` and `heartbeat` tasks are kept from private addresses too.",
    ),
    "heartbeat_seconds": Setting(
        "CHRONOVERSE_HEARTBEAT_SECONDS", _number(0.05, 60), "2", "How often a worker's session renews its lease."
    ),
    "ttl_seconds": Setting(
        "CHRONOVERSE_TTL_SECONDS", _number(0.2, 600), "7", "How long a session's lease lasts without a heartbeat."
    ),
    "orphan_seconds": Setting(
        "CHRONOVERSE_ORPHAN_SECONDS",
        _number(1, 86400),
        "900",
        "How long a worker without answers keeps its attempts running.",
    ),
    "ack_hold_seconds": Setting(
        "CHRONOVERSE_ACK_HOLD_SECONDS",
        _number(0.05, 1200),
        "60",
        "How long an offer stays unacknowledged while its attempt runs.",
    ),
    "capacities": Setting(
        "CHRONOVERSE_CAPACITIES",
        _capacities,
        "",
        "What there is of each capacity that workflows take part of with `slots`, as `db-writers=4,gpu=1`.",
    ),
    "artifacts_url": Setting(
        "CHRONOVERSE_ARTIFACTS_URL",
        str,
        "",
        "API, engine and workers: where artifacts are kept: a directory that all of them see, or `s3://bucket/prefix` "
        "(with `AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID` …). Empty, in one process: under the state directory.",
    ),
    "artifact_bytes_max": Setting(
        "CHRONOVERSE_ARTIFACT_BYTES_MAX",
        _whole(1, 1 << 50),
        str(4 * 1024**3),
        "How many bytes of artifacts one attempt may leave on this worker.",
    ),
    "checkout_bytes_max": Setting(
        "CHRONOVERSE_CHECKOUT_BYTES_MAX",
        _whole(1, 1 << 50),
        str(1024**3),
        "How many bytes of source trees (`checkout`) this worker keeps from one attempt to the next.",
    ),
    "secret_key": Setting(
        "CHRONOVERSE_SECRET_KEY",
        str,
        "",
        "API and engine: the keys of the secrets, base64 of 32 bytes each (`openssl rand -base64 32`), separated by "
        "commas. The first encrypts, all decrypt. Empty, in one process: a file `secret.key` in the state directory.",
    ),
    "public_badges": Setting(
        "CHRONOVERSE_PUBLIC_BADGES",
        _namespaces,
        "",
        "API: namespaces whose workflows' badges everybody may see without a log-in, with commas: `web,data.*`.",
    ),
    "smtp_url": Setting(
        "CHRONOVERSE_SMTP_URL",
        str,
        "",
        "Where e-mails are handed over: `smtp://user:password@host:587` (STARTTLS where offered) or `smtps://…`.",
    ),
    "mail_from": Setting("CHRONOVERSE_MAIL_FROM", str, "chronoverse@localhost", "The sender of e-mails."),
    "retention_days": Setting(
        "CHRONOVERSE_RETENTION_DAYS", _number(0.001, 36500), "90", "How long ended runs and their logs are kept."
    ),
    "event_retention_days": Setting(
        "CHRONOVERSE_EVENT_RETENTION_DAYS",
        _number(0.001, 36500),
        "14",
        "Engine: how long events are kept, for those who come back to where they were.",
    ),
    "audit_retention_days": Setting(
        "CHRONOVERSE_AUDIT_RETENTION_DAYS",
        _number(1, 36_500),
        "365",
        "Engine: how long is kept who did what.",
    ),
    "log_retention": Setting(
        "CHRONOVERSE_LOG_RETENTION",
        _log_retention,
        "",
        "Engine: how long logs of ended runs are kept, and how much of them, where that is less than the runs: "
        "`data/noisy=1d+100Mi,data=30d+10Gi,*=90d`. Sizes are as stored, that is compressed.",
    ),
    "metrics_address": Setting(
        "CHRONOVERSE_METRICS_ADDRESS",
        _listening,
        "",
        "Where this process serves `/metrics` and `/health` to anybody, as `127.0.0.1:9464`; a port alone is on "
        "127.0.0.1. Empty: nowhere (an API has both besides).",
    ),
    "log_format": Setting(
        "CHRONOVERSE_LOG_FORMAT", _choice("text", "json"), "text", "How a process writes its own log."
    ),
    "log_level": Setting(
        "CHRONOVERSE_LOG_LEVEL", _choice("debug", "info", "warning", "error"), "info", "What it writes of it."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one process; what each means stands in `SETTINGS`."""

    database_url: str
    broker_url: str
    state_dir: Path
    workflows_dir: Path
    config: Path | None
    host: str
    port: int
    access: str
    admin_password: str = field(repr=False)
    api_url: str
    token: str = field(repr=False)
    public_url: str
    durability: str
    pools: tuple[str, ...]
    pool_kinds: dict[str, tuple[str, ...]]
    slots: int
    allow_processes: bool
    docker_url: str
    deny_private_addresses: bool
    heartbeat_seconds: float
    ttl_seconds: float
    orphan_seconds: float
    ack_hold_seconds: float
    capacities: dict[str, int]
    artifacts_url: str
    artifact_bytes_max: int
    checkout_bytes_max: int
    secret_key: str = field(repr=False)
    public_badges: tuple[str, ...]
    smtp_url: str
    mail_from: str
    retention_days: float
    event_retention_days: float
    audit_retention_days: float
    log_retention: dict[str, LogLimit]
    metrics_address: tuple[str, int] | None
    log_format: str
    log_level: str

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ, **given: Any) -> "Settings":
        """Return the settings of `environment`; a keyword that is not None wins. Raises `SettingsError`."""
        values = {each.name: _value(SETTINGS[each.name], environment) for each in fields(cls)}
        values.update({name: value for name, value in given.items() if value is not None})
        settings = cls(**values)
        if settings.ttl_seconds < 2 * settings.heartbeat_seconds:
            raise SettingsError(
                f"CHRONOVERSE_TTL_SECONDS={settings.ttl_seconds:g} is less than two heartbeats of "
                f"{settings.heartbeat_seconds:g} s\n  hint: raise it, or lower CHRONOVERSE_HEARTBEAT_SECONDS"
            )
        return settings

    @property
    def store_url(self) -> str:
        """The database's URL, with the embedded one filled in."""
        return self.database_url or f"sqlite:///{self.state_dir / 'chronoverse.db'}"

    @property
    def artifacts_place(self) -> str:
        """Where artifacts are kept, with the embedded place filled in; empty where there is none."""
        if self.artifacts_url or self.broker_url.startswith("amqp"):
            return self.artifacts_url
        return str((self.state_dir / "artifacts").absolute())


def _value(setting: Setting, environment: Mapping[str, str]) -> Any:
    given, file = environment.get(setting.variable, ""), environment.get(f"{setting.variable}_FILE", "")
    if given and file:
        raise SettingsError(
            f"{setting.variable} and {setting.variable}_FILE are both set\n  hint: leave one of them out"
        )
    text = given or (_content(setting, file) if file else "") or setting.default
    try:
        return setting.read(text)
    except ValueError as error:
        shown = f"{setting.variable}={text!r}" if not file else f"{setting.variable}_FILE={file!r}"
        raise SettingsError(f"{shown}: {error}\n  hint: {setting.description}") from error


def _content(setting: Setting, file: str) -> str:
    """Return what the file holds, without the end of its last line."""
    try:
        return Path(file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(
            f"{setting.variable}_FILE={file!r} cannot be read: {reason}\n  hint: name a file with the value in it"
        ) from error
