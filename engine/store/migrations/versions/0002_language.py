"""The whole language: fan-outs, hooks, child runs, sensors, caches."""

import sqlalchemy as sa
from alembic import op

from engine.store.types import Identity, Json, Timestamp

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_BY_HAND = (
    ("paused_until", Timestamp()),
    ("pinned_revision", sa.Integer()),
    ("pinned_at", Timestamp()),
    ("pinned_by", sa.String(100)),
    ("pin_reason", sa.Text()),
    ("pinned_until", Timestamp()),
    ("restored_at", Timestamp()),
    ("restored_by", sa.String(100)),
    ("restore_reason", sa.Text()),
    ("restored_until", Timestamp()),
)
_ENDS = ("paused_until", "pinned_until", "restored_until")


def _add_figures() -> None:
    """What is counted of ended runs; those that are there are noted, to be counted."""
    op.create_table(
        "ended_runs",
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_ended_runs"),
    )
    op.execute("INSERT INTO ended_runs SELECT id FROM runs WHERE finished_at IS NOT NULL")
    op.create_table(
        "rollups",
        sa.Column("id", sa.String(160), nullable=False),
        sa.Column("width", sa.String(4), nullable=False),
        sa.Column("starts_at", Timestamp(), nullable=False),
        sa.Column("figures", Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rollups"),
    )
    op.create_index("ix_rollups_width", "rollups", ["width", "starts_at"])
    op.create_table(
        "run_logs",
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("workflow_id", sa.String(36), nullable=False),
        sa.Column("bytes", sa.BigInteger()),
        sa.Column("finished_at", Timestamp(), nullable=False),
        sa.Column("removed_at", Timestamp()),
        sa.PrimaryKeyConstraint("run_id", name="pk_run_logs"),
    )
    kept, columns = sa.text("removed_at IS NULL"), ["workflow_id", "finished_at", "bytes"]
    op.create_index("ix_run_logs_kept", "run_logs", columns, postgresql_where=kept, sqlite_where=kept)
    unmeasured = sa.text("bytes IS NULL")
    op.create_index(
        "ix_run_logs_unmeasured", "run_logs", ["finished_at"], postgresql_where=unmeasured, sqlite_where=unmeasured
    )


def upgrade() -> None:
    op.add_column("runs", sa.Column("outcome", sa.String(20)))
    op.add_column("runs", sa.Column("parent_task_run", sa.String(60)))
    op.add_column("runs", sa.Column("parent_attempt", sa.Integer()))
    child = sa.text("parent_task_run IS NOT NULL")
    op.create_index(
        "ix_runs_parent",
        "runs",
        ["parent_task_run", "parent_attempt"],
        unique=True,
        postgresql_where=child,
        sqlite_where=child,
    )
    op.create_index("ix_runs_workflow_state", "runs", ["workflow_id", "state", "id"])
    op.add_column("run_labels", sa.Column("workflow_id", sa.String(36), nullable=False, server_default=""))
    op.execute(
        "UPDATE run_labels SET workflow_id = (SELECT workflow_id FROM runs WHERE runs.id = run_labels.run_id) "
        "WHERE EXISTS (SELECT 1 FROM runs WHERE runs.id = run_labels.run_id)"
    )
    op.create_index("ix_run_labels_workflow", "run_labels", ["workflow_id", "key", "value", "run_id"])
    op.add_column("task_runs", sa.Column("item", sa.Integer()))
    op.add_column("task_runs", sa.Column("tries", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("task_runs", sa.Column("try_begun", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("task_runs", sa.Column("child_run", sa.String(36)))
    op.create_table(
        "cache_entries",
        sa.Column("workflow_id", sa.String(36), nullable=False),
        sa.Column("task", sa.String(100), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("task_run_id", sa.String(60), nullable=False),
        sa.Column("outputs", Json, nullable=False),
        sa.Column("created_at", Timestamp(), nullable=False),
        sa.Column("expires_at", Timestamp()),
        sa.PrimaryKeyConstraint("workflow_id", "task", "key", name="pk_cache_entries"),
    )
    op.add_column("task_runs", sa.Column("fingerprint", sa.String(64)))
    op.create_index("ix_runs_trigger_kind", "runs", ["trigger_kind", "id"])
    op.create_table(
        "executors",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("started_at", Timestamp(), nullable=False),
        sa.Column("expires_at", Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_executors"),
    )
    op.create_table(
        "artifacts",
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("task_run_id", sa.String(60), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(60), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("created_at", Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "task_run_id", "attempt", "position", name="pk_artifacts"),
    )
    op.create_index("ix_artifacts_owner", "artifacts", ["owner"])
    op.create_table(
        "source_declarations",
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("spec", Json, nullable=False),
        sa.Column("created_at", Timestamp(), nullable=False),
        sa.Column("updated_at", Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_source_declarations"),
    )
    op.add_column("revisions", sa.Column("checkout", sa.String(64)))
    op.create_index("ix_revisions_checkout", "revisions", ["checkout"])
    op.create_index("ix_cache_entries_expires_at", "cache_entries", ["expires_at"])
    op.create_table(
        "secrets",
        sa.Column("namespace", sa.String(100), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Timestamp(), nullable=False),
        sa.Column("updated_at", Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("namespace", "name", name="pk_secrets"),
    )
    op.add_column("workflows", sa.Column("resumed_at", Timestamp()))
    op.create_index("ix_triggers_kind", "triggers", ["kind"])
    op.create_table(
        "notifications",
        sa.Column("id", Identity, autoincrement=True, nullable=False),
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("workflow_id", sa.String(36), nullable=False),
        sa.Column("revision_id", sa.String(36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(20), nullable=False),
        sa.Column("payload", Json, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("error", sa.Text(), nullable=False, server_default=""),
        sa.Column("next_at", Timestamp()),
        sa.Column("created_at", Timestamp(), nullable=False),
        sa.Column("sent_at", Timestamp()),
        sa.PrimaryKeyConstraint("id", name="pk_notifications"),
        sa.CheckConstraint("state IN ('pending', 'sent', 'dead')", name="ck_notifications_state"),
    )
    op.create_index("ix_notifications_due", "notifications", ["state", "next_at"])
    op.create_index("ix_notifications_run_id", "notifications", ["run_id"])
    op.add_column("runs", sa.Column("backfill_id", sa.String(36)))
    for name, type_ in _BY_HAND:
        op.add_column("workflows", sa.Column(name, type_))
    for name in _ENDS:
        given = sa.text(f"{name} IS NOT NULL")
        op.create_index(f"ix_workflows_{name}", "workflows", [name], postgresql_where=given, sqlite_where=given)
    op.add_column("run_data", sa.Column("trace", Json))
    for name, columns in (("ix_runs_retry_of", ["retry_of"]), ("ix_runs_backfill", ["backfill_id", "state", "id"])):
        given = sa.text(f"{columns[0]} IS NOT NULL")
        op.create_index(name, "runs", columns, postgresql_where=given, sqlite_where=given)
    op.create_table(
        "backfills",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("workflow_id", sa.String(36), nullable=False),
        sa.Column("revision_id", sa.String(36), nullable=False),
        sa.Column("trigger", sa.String(100), nullable=False),
        sa.Column("anchor_at", Timestamp(), nullable=False),
        sa.Column("since", Timestamp(), nullable=False),
        sa.Column("until", Timestamp(), nullable=False),
        sa.Column("policy", sa.String(10), nullable=False),
        sa.Column("parallel", sa.Integer(), nullable=False),
        sa.Column("reverse", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("inputs", Json, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("message", sa.Text(), nullable=False, server_default=""),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("made", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("skipped", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("cursor", Timestamp()),
        sa.Column("created_by", sa.String(100), nullable=False),
        sa.Column("created_at", Timestamp(), nullable=False),
        sa.Column("updated_at", Timestamp(), nullable=False),
        sa.Column("finished_at", Timestamp()),
        sa.PrimaryKeyConstraint("id", name="pk_backfills"),
        sa.CheckConstraint("policy IN ('missing', 'failed', 'all')", name="ck_backfills_policy"),
        sa.CheckConstraint("state IN ('running', 'paused', 'finished', 'cancelled')", name="ck_backfills_state"),
    )
    op.create_index("ix_backfills_state", "backfills", ["state"])
    op.create_index("ix_backfills_workflow", "backfills", ["workflow_id", "id"])
    op.create_table(
        "commits",
        sa.Column("id", Identity, autoincrement=True, nullable=False),
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("version", sa.String(100), nullable=False),
        sa.Column("author", sa.Text(), nullable=False, server_default=""),
        sa.Column("title", sa.Text(), nullable=False, server_default=""),
        sa.Column("seen_at", Timestamp(), nullable=False),
        sa.Column("outcome", sa.String(12), nullable=False),
        sa.Column("message", sa.Text(), nullable=False, server_default=""),
        sa.Column("diagnostics", Json, nullable=False),
        sa.Column("superseded_by", sa.String(100)),
        sa.Column("settled_at", Timestamp()),
        sa.Column("status_due_at", Timestamp()),
        sa.Column("status_tries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("status_error", sa.Text(), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("id", name="pk_commits"),
        sa.UniqueConstraint("source", "version", name="uq_commits_source"),
        sa.CheckConstraint(
            "outcome IN ('pending', 'live', 'rejected', 'superseded', 'failed')", name="ck_commits_outcome"
        ),
    )
    op.create_index("ix_commits_source", "commits", ["source", "id"])
    op.create_index("ix_commits_status_due_at", "commits", ["status_due_at"])
    _add_figures()
    _create_feed()
    _create_webhooks()
    _create_throttle()
    _create_accounts()


def _create_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("password_hash", sa.Text()),
        sa.Column("disabled_at", Timestamp()),
        sa.Column("created_at", Timestamp(), nullable=False),
        sa.Column("updated_at", Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_accounts"),
    )
    op.create_table(
        "account_roles",
        sa.Column("account", sa.String(100), nullable=False),
        sa.Column("namespaces", sa.String(100), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("account", "namespaces", name="pk_account_roles"),
        sa.ForeignKeyConstraint(["account"], ["accounts.name"], name="fk_account_roles_account"),
    )
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("account", sa.String(100), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("role", sa.String(20)),
        sa.Column("namespaces", sa.String(100)),
        sa.Column("created_at", Timestamp(), nullable=False),
        sa.Column("expires_at", Timestamp()),
        sa.Column("last_used_at", Timestamp()),
        sa.PrimaryKeyConstraint("id", name="pk_api_tokens"),
        sa.UniqueConstraint("digest", name="uq_api_tokens_digest"),
        sa.ForeignKeyConstraint(["account"], ["accounts.name"], name="fk_api_tokens_account"),
    )
    op.create_index("ix_api_tokens_account", "api_tokens", ["account"])
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.String(36), nullable=False),
        sa.Column("private_key", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("created_at", Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("kid", name="pk_signing_keys"),
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("family", sa.String(36), nullable=False),
        sa.Column("account", sa.String(100), nullable=False),
        sa.Column("created_at", Timestamp(), nullable=False),
        sa.Column("expires_at", Timestamp(), nullable=False),
        sa.Column("used_at", Timestamp()),
        sa.PrimaryKeyConstraint("digest", name="pk_refresh_tokens"),
        sa.ForeignKeyConstraint(["account"], ["accounts.name"], name="fk_refresh_tokens_account"),
    )
    for column in ("family", "account", "expires_at"):
        op.create_index(f"ix_refresh_tokens_{column}", "refresh_tokens", [column])


def _create_feed() -> None:
    op.create_table(
        "feed",
        sa.Column("id", Identity, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("at", Timestamp(), nullable=False),
        sa.Column("namespace", sa.String(100), nullable=False),
        sa.Column("workflow", sa.String(100), nullable=False),
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("data", Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_feed"),
        sqlite_autoincrement=True,
    )


def _create_webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("kinds", Json, nullable=False),
        sa.Column("namespaces", Json, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_webhooks"),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("webhook", sa.String(100), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("payload", Json, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("error", sa.Text(), nullable=False, server_default=""),
        sa.Column("next_at", Timestamp()),
        sa.Column("created_at", Timestamp(), nullable=False),
        sa.Column("sent_at", Timestamp()),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_deliveries"),
        sa.UniqueConstraint("webhook", "event_id", name="uq_webhook_deliveries_webhook"),
        sa.CheckConstraint("state IN ('pending', 'sent', 'dead')", name="ck_webhook_deliveries_state"),
    )
    op.create_index("ix_webhook_deliveries_webhook", "webhook_deliveries", ["webhook", "id"])
    op.create_index("ix_webhook_deliveries_due", "webhook_deliveries", ["state", "next_at"])


def _create_throttle() -> None:
    op.create_table(
        "failed_log_ins",
        sa.Column("name_digest", sa.String(64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("name_digest", name="pk_failed_log_ins"),
    )
    op.create_index("ix_failed_log_ins_last_at", "failed_log_ins", ["last_at"])


def downgrade() -> None:
    for name in ("refresh_tokens", "signing_keys", "api_tokens", "account_roles", "accounts"):
        op.drop_table(name)
    for table in ("failed_log_ins", "webhook_deliveries", "webhooks", "feed", "run_logs", "rollups", "ended_runs"):
        op.drop_table(table)
    op.drop_table("commits")
    op.drop_table("backfills")
    op.drop_index("ix_runs_backfill", "runs")
    op.drop_index("ix_runs_retry_of", "runs")
    op.drop_column("run_data", "trace")
    for name in _ENDS:
        op.drop_index(f"ix_workflows_{name}", "workflows")
    for name, _ in reversed(_BY_HAND):
        op.drop_column("workflows", name)
    op.drop_column("runs", "backfill_id")
    op.drop_table("notifications")
    op.drop_index("ix_triggers_kind", "triggers")
    op.drop_column("workflows", "resumed_at")
    op.drop_table("secrets")
    op.drop_table("executors")
    op.drop_index("ix_runs_trigger_kind", "runs")
    op.drop_column("task_runs", "fingerprint")
    op.drop_table("source_declarations")
    op.drop_index("ix_revisions_checkout", "revisions")
    op.drop_column("revisions", "checkout")
    op.drop_table("artifacts")
    op.drop_table("cache_entries")
    for column in ("child_run", "try_begun", "tries", "item"):
        op.drop_column("task_runs", column)
    op.drop_index("ix_run_labels_workflow", "run_labels")
    op.drop_column("run_labels", "workflow_id")
    op.drop_index("ix_runs_workflow_state", "runs")
    op.drop_index("ix_runs_parent", "runs")
    for column in ("parent_attempt", "parent_task_run", "outcome"):
        op.drop_column("runs", column)
