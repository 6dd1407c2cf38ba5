"""The source's row: its conditions, its diagnostics, and the versions seen and applied."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from dsl.diagnostics import Diagnostic
from engine.events import EventKind, Happening
from engine.events.of_sources import Stand, of_sync
from engine.store.feed import enter as enter_events
from engine.store.plain_text import plain_text
from engine.store.tables import sources

_KEPT: Final = ("prune_approved", "line", "suspended")
"""Keys of the stored configuration that are not configured: they stay when it is entered again."""


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is true or not of a source. `at` is when `status` or `reason` last changed."""

    status: bool
    reason: str
    message: str = ""
    version: str | None = None
    at: datetime


class SourceState(msgspec.Struct, frozen=True, kw_only=True):
    """What the sync knows of a source. `prune_approved` is the version whose removals a person has agreed to.

    `line` says by what the applied version was chosen, where versions have an order.
    """

    conditions: dict[str, Condition] = {}
    diagnostics: tuple[Diagnostic, ...] = ()
    seen_version: str | None = None
    applied_version: str | None = None
    prune_approved: str | None = None
    line: str = ""


def enter(connection: Connection, name: str, kind: str, config: Mapping[str, Any], now: datetime) -> None:
    """Insert the source, or note its present kind and configuration."""
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(sources)
    values = {"kind": kind, "config": dict(config), "updated_at": now}
    new = insert.values(name=name, conditions={}, diagnostics=[], **values).on_conflict_do_nothing()
    connection.execute(new)  # a second syncer may enter the same source in this moment
    row = connection.execute(select(sources.c.config).where(sources.c.name == name).with_for_update()).one()
    values["config"] = {**config, **{key: row.config[key] for key in _KEPT if key in row.config}}
    connection.execute(update(sources).where(sources.c.name == name).values(values))


class SourceGoneError(Exception):
    """The source was removed."""


def load(connection: Connection, name: str, *, lock: bool = False) -> SourceState:
    """Return the state of an entered source; with `lock`, nobody else applies to it until the transaction ends.

    Raises `SourceGoneError`.
    """
    query = select(sources).where(sources.c.name == name)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise SourceGoneError(f"source {name} was removed")
    return SourceState(
        conditions=msgspec.convert(row.conditions, dict[str, Condition]),
        diagnostics=msgspec.convert(row.diagnostics, tuple[Diagnostic, ...]),
        seen_version=row.seen_version,
        applied_version=row.applied_version,
        prune_approved=row.config.get("prune_approved"),
        line=row.config.get("line", ""),
    )


def synced_at(connection: Connection, name: str) -> datetime | None:
    """Return when something was last written of an entered source's sync."""
    at: datetime | None = connection.execute(select(sources.c.synced_at).where(sources.c.name == name)).scalar_one()
    return at


def store(connection: Connection, name: str, state: SourceState, now: datetime) -> None:
    """Write what the sync found; the configuration stays."""
    columns = (sources.c.config, sources.c.conditions, sources.c.seen_version, sources.c.applied_version)
    row = connection.execute(select(*columns).where(sources.c.name == name).with_for_update()).one()
    values = {
        "conditions": msgspec.to_builtins(state.conditions),
        "diagnostics": _listed(state.diagnostics),
        "seen_version": state.seen_version,
        "applied_version": state.applied_version,
        "synced_at": now,
        "updated_at": now,
    }
    if state.line:
        values["config"] = {**row.config, "line": state.line}
    connection.execute(update(sources).where(sources.c.name == name).values(values))
    before = Stand(row.conditions, row.seen_version, row.applied_version)
    after = Stand(msgspec.to_builtins(state.conditions), state.seen_version, state.applied_version)
    enter_events(connection, of_sync(name, before, after, now))


def approve_prune(connection: Connection, name: str, version: str, now: datetime) -> bool:
    """Agree to every removal that the source asks for at `version`; return whether there is such a source."""
    row = connection.execute(select(sources.c.config).where(sources.c.name == name).with_for_update()).one_or_none()
    if row is None:
        return False
    values = {"config": {**row.config, "prune_approved": version}, "updated_at": now}
    connection.execute(update(sources).where(sources.c.name == name).values(values))
    return True


def suspend(connection: Connection, name: str, by: str, reason: str, now: datetime) -> bool:
    """Let a source rest; return whether there is such a source. One that rests already stays as it is."""
    row = connection.execute(select(sources.c.config).where(sources.c.name == name).with_for_update()).one_or_none()
    if row is None:
        return False
    if "suspended" not in row.config:
        said = {"by": plain_text(by), "reason": plain_text(reason), "at": now.isoformat()}
        values = {"config": {**row.config, "suspended": said}, "updated_at": now}
        connection.execute(update(sources).where(sources.c.name == name).values(values))
        data = {"by": by, "reason": reason}
        enter_events(connection, [Happening(EventKind.SOURCE_SUSPENDED, now, source=name, data=data)])
    return True


def rouse(connection: Connection, name: str, now: datetime) -> bool:
    """Let a suspended source go on; return whether there is such a source."""
    row = connection.execute(select(sources.c.config).where(sources.c.name == name).with_for_update()).one_or_none()
    if row is None:
        return False
    config = {key: value for key, value in row.config.items() if key != "suspended"}
    connection.execute(update(sources).where(sources.c.name == name).values(config=config, updated_at=now))
    if "suspended" in row.config:
        enter_events(connection, [Happening(EventKind.SOURCE_RESUMED, now, source=name)])
    return True


def names(connection: Connection) -> frozenset[str]:
    """Return the names of all sources."""
    return frozenset(connection.execute(select(sources.c.name)).scalars())


def suspended(connection: Connection) -> frozenset[str]:
    """Return the sources that somebody has suspended."""
    rows = connection.execute(select(sources.c.name, sources.c.config))
    return frozenset(row.name for row in rows if "suspended" in row.config)


def _listed(diagnostics: Sequence[Diagnostic]) -> list[Any]:
    return [msgspec.to_builtins(item) for item in diagnostics]
