"""The tables. Who may write which row, and when, stands in `docs/architecture.md`.

Runs and task runs are updated by the owning executor alone, under `version`; everyone else only inserts. State columns
carry CHECK constraints made from `engine.machine.states`.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TextClause,
    UniqueConstraint,
    text,
)

from engine.commit_outcomes import CommitOutcome
from engine.machine.states import RUN_TERMINAL, TASK_TERMINAL, AttemptState, Phase, RunState, TaskState
from engine.store.types import Identity, Json, Timestamp

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)

_ID = String(36)
_HOT: dict[str, Any] = {"postgresql_with": {"fillfactor": 80}}


def _one_of(column: str, values: Iterable[StrEnum]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def _not_in(column: str, values: Iterable[StrEnum]) -> TextClause:
    listed = ", ".join(sorted(f"'{value}'" for value in values))
    return text(f"{column} NOT IN ({listed})")


def _index_of_given(prefix: str, column: str) -> Index:
    """Return an index of the few rows that have a value."""
    given = text(f"{column} IS NOT NULL")
    return Index(f"{prefix}_{column}", column, postgresql_where=given, sqlite_where=given)


OPEN_RUN: Final = _not_in("runs.state", RUN_TERMINAL)
"""The condition of `ix_runs_open`, as SQLite must find it in a query word by word to use that index."""

OPEN_TASK_RUN: Final = _not_in("task_runs.state", TASK_TERMINAL)
"""The condition of `ix_task_runs_open`, in the same way."""

meta = Table("meta", metadata, Column("key", String(100), primary_key=True), Column("value", Text, nullable=False))

sources = Table(
    "sources",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("config", Json, nullable=False),
    Column("conditions", Json, nullable=False),
    Column("diagnostics", Json, nullable=False),
    Column("applied_version", String(100)),
    Column("seen_version", String(100)),
    Column("synced_at", Timestamp),
    Column("updated_at", Timestamp, nullable=False),
)

commits = Table(
    "commits",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("source", String(100), nullable=False),
    Column("version", String(100), nullable=False),
    Column("author", Text, nullable=False, server_default=""),
    Column("title", Text, nullable=False, server_default=""),
    Column("seen_at", Timestamp, nullable=False),
    Column("outcome", String(12), nullable=False),
    Column("message", Text, nullable=False, server_default=""),
    Column("diagnostics", Json, nullable=False),
    Column("superseded_by", String(100)),
    Column("settled_at", Timestamp),
    Column("status_due_at", Timestamp),
    Column("status_tries", Integer, nullable=False, server_default="0"),
    Column("status_error", Text, nullable=False, server_default=""),
    UniqueConstraint("source", "version", name="uq_commits_source"),
    Index("ix_commits_source", "source", "id"),
    Index("ix_commits_status_due_at", "status_due_at"),
    _one_of("outcome", CommitOutcome),
)

source_declarations = Table(
    "source_declarations",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("spec", Json, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
)

workflows = Table(
    "workflows",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("namespace", String(100), nullable=False),
    Column("name", String(100), nullable=False),
    Column("source", String(100), nullable=False),
    Column("path", Text, nullable=False, server_default=""),
    Column("active_revision_id", _ID),
    Column("revision_count", Integer, nullable=False, server_default="0"),
    Column("labels", Json, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("paused_at", Timestamp),
    Column("paused_by", String(100)),
    Column("pause_reason", Text),
    Column("paused_until", Timestamp),
    Column("resumed_at", Timestamp),
    Column("pinned_revision", Integer),
    Column("pinned_at", Timestamp),
    Column("pinned_by", String(100)),
    Column("pin_reason", Text),
    Column("pinned_until", Timestamp),
    Column("restored_at", Timestamp),
    Column("restored_by", String(100)),
    Column("restore_reason", Text),
    Column("restored_until", Timestamp),
    Column("archived_at", Timestamp),
    Column("ready", Json, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
    UniqueConstraint("namespace", "name"),
    *(_index_of_given("ix_workflows", name) for name in ("paused_until", "pinned_until", "restored_until")),
)

revisions = Table(
    "revisions",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("workflow_id", _ID, ForeignKey("workflows.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("compiled", LargeBinary, nullable=False),
    Column("document", Json, nullable=False),
    Column("source", String(100), nullable=False),
    Column("path", Text, nullable=False),
    Column("commit", String(100)),
    Column("author", Text),
    Column("checkout", String(64)),
    Column("created_at", Timestamp, nullable=False),
    UniqueConstraint("workflow_id", "number"),
    Index("ix_revisions_checkout", "checkout"),
)

triggers = Table(
    "triggers",
    metadata,
    Column("workflow_id", _ID, ForeignKey("workflows.id"), nullable=False),
    Column("name", String(100), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("spec", Json, nullable=False),
    Column("anchor_at", Timestamp, nullable=False),
    Column("last_fire_time", Timestamp),
    Column("next_fire_time", Timestamp),
    Column("next_at", Timestamp),
    Column("updated_at", Timestamp, nullable=False),
    PrimaryKeyConstraint("workflow_id", "name"),
    Index("ix_triggers_next_at", "next_at", postgresql_where=text("next_at IS NOT NULL")),
    Index("ix_triggers_kind", "kind"),
)

firings = Table(
    "firings",
    metadata,
    Column("workflow_id", _ID, nullable=False),
    Column("trigger", String(100), nullable=False),
    Column("fire_time", Timestamp, nullable=False),
    Column("kind", String(60), nullable=False, server_default="schedule"),
    Column("outcome", String(20), nullable=False),
    Column("message", Text, nullable=False, server_default=""),
    Column("run_id", _ID),
    Column("created_at", Timestamp, nullable=False),
    PrimaryKeyConstraint("workflow_id", "trigger", "fire_time", "kind"),
    Index("ix_firings_created_at", "created_at"),
    CheckConstraint("outcome IN ('run', 'caught_up', 'skipped', 'dropped', 'failed')", name="outcome"),
)

backfills = Table(
    "backfills",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("workflow_id", _ID, nullable=False),
    Column("revision_id", _ID, nullable=False),
    Column("trigger", String(100), nullable=False),
    Column("anchor_at", Timestamp, nullable=False),
    Column("since", Timestamp, nullable=False),
    Column("until", Timestamp, nullable=False),
    Column("policy", String(10), nullable=False),
    Column("parallel", Integer, nullable=False),
    Column("reverse", Boolean, nullable=False, server_default=text("false")),
    Column("inputs", Json, nullable=False),
    Column("state", String(10), nullable=False),
    Column("message", Text, nullable=False, server_default=""),
    Column("total", Integer, nullable=False),
    Column("made", Integer, nullable=False, server_default="0"),
    Column("skipped", Integer, nullable=False, server_default="0"),
    Column("cursor", Timestamp),
    Column("created_by", String(100), nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
    Column("finished_at", Timestamp),
    Index("ix_backfills_state", "state"),
    Index("ix_backfills_workflow", "workflow_id", "id"),
    CheckConstraint("policy IN ('missing', 'failed', 'all')", name="policy"),
    CheckConstraint("state IN ('running', 'paused', 'finished', 'cancelled')", name="state"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("workflow_id", _ID, nullable=False),
    Column("revision_id", _ID, nullable=False),
    Column("state", String(20), nullable=False),
    Column("reason", String(40)),
    Column("message", Text, nullable=False, server_default=""),
    Column("phase", String(10), nullable=False, server_default="main"),
    Column("outcome", String(20)),
    Column("stop", String(40)),
    Column("forced", Boolean, nullable=False, server_default=text("false")),
    Column("version", Integer, nullable=False, server_default="0"),
    Column("trigger_kind", String(20), nullable=False),
    Column("trigger_name", String(100)),
    Column("retry_of", _ID),
    Column("parent_task_run", String(60)),
    Column("parent_attempt", Integer),
    Column("concurrency_resource", Text),
    Column("backfill_id", _ID),
    Column("created_at", Timestamp, nullable=False),
    Column("started_at", Timestamp),
    Column("finished_at", Timestamp),
    _one_of("state", RunState),
    _one_of("phase", Phase),
    Index(
        "ix_runs_open",
        "id",
        postgresql_where=_not_in("state", RUN_TERMINAL),
        sqlite_where=_not_in("state", RUN_TERMINAL),
    ),
    Index("ix_runs_workflow", "workflow_id", "id"),
    Index("ix_runs_workflow_state", "workflow_id", "state", "id"),
    Index("ix_runs_state", "state", "id"),
    Index("ix_runs_trigger_kind", "trigger_kind", "id"),
    Index(
        "ix_runs_parent",
        "parent_task_run",
        "parent_attempt",
        unique=True,
        postgresql_where=text("parent_task_run IS NOT NULL"),
        sqlite_where=text("parent_task_run IS NOT NULL"),
    ),
    Index("ix_runs_created_at", "created_at"),
    Index(
        "ix_runs_retry_of",
        "retry_of",
        postgresql_where=text("retry_of IS NOT NULL"),
        sqlite_where=text("retry_of IS NOT NULL"),
    ),
    Index(
        "ix_runs_backfill",
        "backfill_id",
        "state",
        "id",
        postgresql_where=text("backfill_id IS NOT NULL"),
        sqlite_where=text("backfill_id IS NOT NULL"),
    ),
    **_HOT,
)

run_data = Table(
    "run_data",
    metadata,
    Column("run_id", _ID, primary_key=True),
    Column("inputs", Json, nullable=False),
    Column("trigger", Json, nullable=False),
    Column("labels", Json, nullable=False),
    Column("outputs", Json),
    Column("fault", Text, nullable=False, server_default=""),
    Column("trace", Json),
)

run_labels = Table(
    "run_labels",
    metadata,
    Column("key", String(100), nullable=False),
    Column("value", String(200), nullable=False),
    Column("run_id", _ID, nullable=False),
    PrimaryKeyConstraint("key", "value", "run_id"),
    Column("workflow_id", _ID, nullable=False, server_default=""),
    Index("ix_run_labels_run_id", "run_id"),
    Index("ix_run_labels_workflow", "workflow_id", "key", "value", "run_id"),
)

task_runs = Table(
    "task_runs",
    metadata,
    Column("id", String(60), primary_key=True),
    Column("run_id", _ID, nullable=False),
    Column("task", String(100), nullable=False),
    Column("key", Text, nullable=False, server_default=""),
    Column("ordinal", Integer, nullable=False),
    Column("item", Integer),
    Column("state", String(20), nullable=False),
    Column("reason", String(40)),
    Column("message", Text, nullable=False, server_default=""),
    Column("kind", String(40), nullable=False),
    Column("pool", String(100), nullable=False),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("claim_id", _ID),
    Column("session", _ID),
    Column("worker", String(200)),
    Column("stop", Boolean, nullable=False, server_default=text("false")),
    Column("queued_at", Timestamp),
    Column("dispatched_at", Timestamp),
    Column("started_at", Timestamp),
    Column("attempt_started_at", Timestamp),
    Column("deadline_at", Timestamp),
    Column("due_at", Timestamp),
    Column("finished_at", Timestamp),
    Column("outputs", Json),
    Column("reused_from", String(60)),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("try_begun", Integer, nullable=False, server_default="0"),
    Column("child_run", _ID),
    Column("fingerprint", String(64)),
    _one_of("state", TaskState),
    Index("ix_task_runs_run_id", "run_id"),
    Index(
        "ix_task_runs_open",
        "state",
        "pool",
        postgresql_where=_not_in("state", TASK_TERMINAL),
        sqlite_where=_not_in("state", TASK_TERMINAL),
    ),
    **_HOT,
)

attempts = Table(
    "attempts",
    metadata,
    Column("task_run_id", String(60), nullable=False),
    Column("number", Integer, nullable=False),
    Column("run_id", _ID, nullable=False),
    Column("state", String(20), nullable=False),
    Column("reason", String(40)),
    Column("message", Text, nullable=False, server_default=""),
    Column("exit_code", Integer),
    Column("worker", String(200)),
    Column("session", _ID),
    Column("claim_id", _ID),
    Column("log_batches", Integer, nullable=False, server_default="0"),
    Column("queued_at", Timestamp),
    Column("started_at", Timestamp),
    Column("finished_at", Timestamp, nullable=False),
    PrimaryKeyConstraint("task_run_id", "number"),
    _one_of("state", AttemptState),
    Index("ix_attempts_run_id", "run_id"),
)

signals = Table(
    "signals",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("run_id", _ID, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("payload", Json, nullable=False),
    Column("due_at", Timestamp, nullable=False),
    Column("dedupe_key", String(200), unique=True),
    Index("ix_signals_run_id", "run_id"),
    Index("ix_signals_due_at", "due_at"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("worker", String(200), nullable=False),
    Column("host", String(200), nullable=False, server_default=""),
    Column("pools", Json, nullable=False),
    Column("kinds", Json, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("reply_to", Text, nullable=False),
    Column("draining", Boolean, nullable=False, server_default=text("false")),
    Column("started_at", Timestamp, nullable=False),
    Column("seen_at", Timestamp, nullable=False),
    Column("expires_at", Timestamp, nullable=False),
    Column("ended_at", Timestamp),
    Index("ix_sessions_worker", "worker"),
)

executors = Table(
    "executors",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("started_at", Timestamp, nullable=False),
    Column("expires_at", Timestamp, nullable=False),
)

resources = Table(
    "resources",
    metadata,
    Column("name", String(400), primary_key=True),
    Column("capacity", Integer, nullable=False),
)

holders = Table(
    "holders",
    metadata,
    Column("resource", String(400), nullable=False),
    Column("run_id", _ID, nullable=False),
    Column("task_run_id", String(60), nullable=False, server_default=""),
    Column("units", Integer, nullable=False, server_default="1"),
    Column("position", Identity, nullable=False),
    Column("held_at", Timestamp),
    Column("created_at", Timestamp, nullable=False),
    PrimaryKeyConstraint("resource", "run_id", "task_run_id"),
    Index("ix_holders_run_id", "run_id"),
    Index("ix_holders_position", "resource", "position"),
)

log_batches = Table(
    "log_batches",
    metadata,
    Column("run_id", _ID, nullable=False),
    Column("pos", Integer, nullable=False),
    Column("task_run_id", String(60), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("claim_id", _ID, nullable=False),
    Column("batch_no", Integer, nullable=False),
    Column("line_count", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    PrimaryKeyConstraint("run_id", "pos"),
    UniqueConstraint("task_run_id", "attempt", "claim_id", "batch_no"),
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("run_id", _ID, nullable=False),
    Column("task_run_id", String(60), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("owner", String(60), nullable=False),
    Column("name", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("created_at", Timestamp, nullable=False),
    PrimaryKeyConstraint("run_id", "task_run_id", "attempt", "position"),
    Index("ix_artifacts_owner", "owner"),
)

cache_entries = Table(
    "cache_entries",
    metadata,
    Column("workflow_id", _ID, nullable=False),
    Column("task", String(100), nullable=False),
    Column("key", String(64), nullable=False),
    Column("task_run_id", String(60), nullable=False),
    Column("outputs", Json, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("expires_at", Timestamp),
    PrimaryKeyConstraint("workflow_id", "task", "key"),
    Index("ix_cache_entries_expires_at", "expires_at"),
)

secrets = Table(
    "secrets",
    metadata,
    Column("namespace", String(100), nullable=False),
    Column("name", String(100), nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
    PrimaryKeyConstraint("namespace", "name"),
)

notifications = Table(
    "notifications",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("run_id", _ID, nullable=False),
    Column("workflow_id", _ID, nullable=False),
    Column("revision_id", _ID, nullable=False),
    Column("position", Integer, nullable=False),
    Column("event", String(20), nullable=False),
    Column("payload", Json, nullable=False),
    Column("state", String(10), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("error", Text, nullable=False, server_default=""),
    Column("next_at", Timestamp),
    Column("created_at", Timestamp, nullable=False),
    Column("sent_at", Timestamp),
    Index("ix_notifications_due", "state", "next_at"),
    Index("ix_notifications_run_id", "run_id"),
    CheckConstraint("state IN ('pending', 'sent', 'dead')", name="state"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("scope", String(200), nullable=False),
    Column("key", String(200), nullable=False),
    Column("body_digest", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("response", Json, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    PrimaryKeyConstraint("scope", "key"),
)

parked_messages = Table(
    "parked_messages",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("queue", String(200), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("error", Text, nullable=False),
    Column("created_at", Timestamp, nullable=False),
)
