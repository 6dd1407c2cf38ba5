"""The first schema. Frozen: every change is a revision after it."""

import sqlalchemy as sa
from alembic import op

from engine.store.types import Identity, Json, Timestamp

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("task_run_id", sa.String(length=60), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("worker", sa.String(length=200), nullable=True),
        sa.Column("session", sa.String(length=36), nullable=True),
        sa.Column("claim_id", sa.String(length=36), nullable=True),
        sa.Column("log_batches", sa.Integer(), server_default="0", nullable=False),
        sa.Column("queued_at", Timestamp(), nullable=True),
        sa.Column("started_at", Timestamp(), nullable=True),
        sa.Column("finished_at", Timestamp(), nullable=False),
        sa.CheckConstraint("state IN ('succeeded', 'failed', 'cancelled')", name=op.f("ck_attempts_state")),
        sa.PrimaryKeyConstraint("task_run_id", "number", name=op.f("pk_attempts")),
    )
    op.create_index("ix_attempts_run_id", "attempts", ["run_id"], unique=False)
    op.create_table(
        "firings",
        sa.Column("workflow_id", sa.String(length=36), nullable=False),
        sa.Column("trigger", sa.String(length=100), nullable=False),
        sa.Column("fire_time", Timestamp(), nullable=False),
        sa.Column("kind", sa.String(length=60), server_default="schedule", nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=True),
        sa.Column("created_at", Timestamp(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('run', 'caught_up', 'skipped', 'dropped', 'failed')", name=op.f("ck_firings_outcome")
        ),
        sa.PrimaryKeyConstraint("workflow_id", "trigger", "fire_time", "kind", name=op.f("pk_firings")),
    )
    op.create_index("ix_firings_created_at", "firings", ["created_at"], unique=False)
    op.create_table(
        "holders",
        sa.Column("resource", sa.String(length=400), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("task_run_id", sa.String(length=60), server_default="", nullable=False),
        sa.Column("units", sa.Integer(), server_default="1", nullable=False),
        sa.Column("position", Identity, nullable=False),
        sa.Column("held_at", Timestamp(), nullable=True),
        sa.Column("created_at", Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("resource", "run_id", "task_run_id", name=op.f("pk_holders")),
    )
    op.create_index("ix_holders_position", "holders", ["resource", "position"], unique=False)
    op.create_index("ix_holders_run_id", "holders", ["run_id"], unique=False)
    op.create_table(
        "idempotency_keys",
        sa.Column("scope", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("body_digest", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("response", Json, nullable=False),
        sa.Column("created_at", Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_table(
        "log_batches",
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("pos", sa.Integer(), nullable=False),
        sa.Column("task_run_id", sa.String(length=60), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("claim_id", sa.String(length=36), nullable=False),
        sa.Column("batch_no", sa.Integer(), nullable=False),
        sa.Column("line_count", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "pos", name=op.f("pk_log_batches")),
        sa.UniqueConstraint(
            "task_run_id",
            "attempt",
            "claim_id",
            "batch_no",
            name=op.f("uq_log_batches_task_run_id_attempt_claim_id_batch_no"),
        ),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
    )
    op.create_table(
        "parked_messages",
        sa.Column("id", Identity, autoincrement=True, nullable=False),
        sa.Column("queue", sa.String(length=200), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("created_at", Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parked_messages")),
    )
    op.create_table(
        "resources",
        sa.Column("name", sa.String(length=400), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_resources")),
    )
    op.create_table(
        "run_data",
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("inputs", Json, nullable=False),
        sa.Column("trigger", Json, nullable=False),
        sa.Column("labels", Json, nullable=False),
        sa.Column("outputs", Json, nullable=True),
        sa.Column("fault", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_run_data")),
    )
    op.create_table(
        "run_labels",
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("key", "value", "run_id", name=op.f("pk_run_labels")),
    )
    op.create_index("ix_run_labels_run_id", "run_labels", ["run_id"], unique=False)
    op.create_table(
        "runs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("workflow_id", sa.String(length=36), nullable=False),
        sa.Column("revision_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("phase", sa.String(length=10), server_default="main", nullable=False),
        sa.Column("stop", sa.String(length=40), nullable=True),
        sa.Column("forced", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("trigger_kind", sa.String(length=20), nullable=False),
        sa.Column("trigger_name", sa.String(length=100), nullable=True),
        sa.Column("retry_of", sa.String(length=36), nullable=True),
        sa.Column("concurrency_resource", sa.Text(), nullable=True),
        sa.Column("created_at", Timestamp(), nullable=False),
        sa.Column("started_at", Timestamp(), nullable=True),
        sa.Column("finished_at", Timestamp(), nullable=True),
        sa.CheckConstraint("phase IN ('main', 'hook', 'finally')", name=op.f("ck_runs_phase")),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'skipped')", name=op.f("ck_runs_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        postgresql_with={"fillfactor": 80},
    )
    op.create_index("ix_runs_created_at", "runs", ["created_at"], unique=False)
    op.create_index(
        "ix_runs_open",
        "runs",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state NOT IN ('cancelled', 'failed', 'skipped', 'succeeded')"),
        sqlite_where=sa.text("state NOT IN ('cancelled', 'failed', 'skipped', 'succeeded')"),
    )
    op.create_index("ix_runs_state", "runs", ["state", "id"], unique=False)
    op.create_index("ix_runs_workflow", "runs", ["workflow_id", "id"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("worker", sa.String(length=200), nullable=False),
        sa.Column("host", sa.String(length=200), server_default="", nullable=False),
        sa.Column("pools", Json, nullable=False),
        sa.Column("kinds", Json, nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("reply_to", sa.Text(), nullable=False),
        sa.Column("draining", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("started_at", Timestamp(), nullable=False),
        sa.Column("seen_at", Timestamp(), nullable=False),
        sa.Column("expires_at", Timestamp(), nullable=False),
        sa.Column("ended_at", Timestamp(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_worker", "sessions", ["worker"], unique=False)
    op.create_table(
        "signals",
        sa.Column("id", Identity, autoincrement=True, nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("payload", Json, nullable=False),
        sa.Column("due_at", Timestamp(), nullable=False),
        sa.Column("dedupe_key", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signals")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_signals_dedupe_key")),
    )
    op.create_index("ix_signals_due_at", "signals", ["due_at"], unique=False)
    op.create_index("ix_signals_run_id", "signals", ["run_id"], unique=False)
    op.create_table(
        "sources",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("config", Json, nullable=False),
        sa.Column("conditions", Json, nullable=False),
        sa.Column("diagnostics", Json, nullable=False),
        sa.Column("applied_version", sa.String(length=100), nullable=True),
        sa.Column("seen_version", sa.String(length=100), nullable=True),
        sa.Column("synced_at", Timestamp(), nullable=True),
        sa.Column("updated_at", Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sources")),
    )
    op.create_table(
        "task_runs",
        sa.Column("id", sa.String(length=60), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("task", sa.String(length=100), nullable=False),
        sa.Column("key", sa.Text(), server_default="", nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("pool", sa.String(length=100), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("claim_id", sa.String(length=36), nullable=True),
        sa.Column("session", sa.String(length=36), nullable=True),
        sa.Column("worker", sa.String(length=200), nullable=True),
        sa.Column("stop", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("queued_at", Timestamp(), nullable=True),
        sa.Column("dispatched_at", Timestamp(), nullable=True),
        sa.Column("started_at", Timestamp(), nullable=True),
        sa.Column("attempt_started_at", Timestamp(), nullable=True),
        sa.Column("deadline_at", Timestamp(), nullable=True),
        sa.Column("due_at", Timestamp(), nullable=True),
        sa.Column("finished_at", Timestamp(), nullable=True),
        sa.Column("outputs", Json, nullable=True),
        sa.Column("reused_from", sa.String(length=60), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'waiting', 'queued', 'running', 'succeeded', 'failed', 'skipped', 'cancelled')",
            name=op.f("ck_task_runs_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_runs")),
        postgresql_with={"fillfactor": 80},
    )
    op.create_index(
        "ix_task_runs_open",
        "task_runs",
        ["state", "pool"],
        unique=False,
        postgresql_where=sa.text("state NOT IN ('cancelled', 'failed', 'skipped', 'succeeded')"),
        sqlite_where=sa.text("state NOT IN ('cancelled', 'failed', 'skipped', 'succeeded')"),
    )
    op.create_index("ix_task_runs_run_id", "task_runs", ["run_id"], unique=False)
    op.create_table(
        "workflows",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("namespace", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("path", sa.Text(), server_default="", nullable=False),
        sa.Column("active_revision_id", sa.String(length=36), nullable=True),
        sa.Column("revision_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("labels", Json, nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("paused_at", Timestamp(), nullable=True),
        sa.Column("paused_by", sa.String(length=100), nullable=True),
        sa.Column("pause_reason", sa.Text(), nullable=True),
        sa.Column("archived_at", Timestamp(), nullable=True),
        sa.Column("ready", Json, nullable=False),
        sa.Column("created_at", Timestamp(), nullable=False),
        sa.Column("updated_at", Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workflows")),
        sa.UniqueConstraint("namespace", "name", name=op.f("uq_workflows_namespace_name")),
    )
    op.create_table(
        "revisions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("workflow_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("compiled", sa.LargeBinary(), nullable=False),
        sa.Column("document", Json, nullable=False),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("commit", sa.String(length=100), nullable=True),
        sa.Column("author", sa.Text(), nullable=True),
        sa.Column("created_at", Timestamp(), nullable=False),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], name=op.f("fk_revisions_workflow_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revisions")),
        sa.UniqueConstraint("workflow_id", "number", name=op.f("uq_revisions_workflow_id_number")),
    )
    op.create_table(
        "triggers",
        sa.Column("workflow_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("spec", Json, nullable=False),
        sa.Column("anchor_at", Timestamp(), nullable=False),
        sa.Column("last_fire_time", Timestamp(), nullable=True),
        sa.Column("next_fire_time", Timestamp(), nullable=True),
        sa.Column("next_at", Timestamp(), nullable=True),
        sa.Column("updated_at", Timestamp(), nullable=False),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], name=op.f("fk_triggers_workflow_id")),
        sa.PrimaryKeyConstraint("workflow_id", "name", name=op.f("pk_triggers")),
    )
    op.create_index(
        "ix_triggers_next_at", "triggers", ["next_at"], unique=False, postgresql_where=sa.text("next_at IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_index("ix_triggers_next_at", table_name="triggers", postgresql_where=sa.text("next_at IS NOT NULL"))
    op.drop_table("triggers")
    op.drop_table("revisions")
    op.drop_table("workflows")
    op.drop_index("ix_task_runs_run_id", table_name="task_runs")
    op.drop_index(
        "ix_task_runs_open",
        table_name="task_runs",
        postgresql_where=sa.text("state NOT IN ('cancelled', 'failed', 'skipped', 'succeeded')"),
        sqlite_where=sa.text("state NOT IN ('cancelled', 'failed', 'skipped', 'succeeded')"),
    )
    op.drop_table("task_runs")
    op.drop_table("sources")
    op.drop_index("ix_signals_run_id", table_name="signals")
    op.drop_index("ix_signals_due_at", table_name="signals")
    op.drop_table("signals")
    op.drop_index("ix_sessions_worker", table_name="sessions")
    op.drop_table("sessions")
    op.drop_index("ix_runs_workflow", table_name="runs")
    op.drop_index("ix_runs_state", table_name="runs")
    op.drop_index(
        "ix_runs_open",
        table_name="runs",
        postgresql_where=sa.text("state NOT IN ('cancelled', 'failed', 'skipped', 'succeeded')"),
        sqlite_where=sa.text("state NOT IN ('cancelled', 'failed', 'skipped', 'succeeded')"),
    )
    op.drop_index("ix_runs_created_at", table_name="runs")
    op.drop_table("runs")
    op.drop_index("ix_run_labels_run_id", table_name="run_labels")
    op.drop_table("run_labels")
    op.drop_table("run_data")
    op.drop_table("resources")
    op.drop_table("parked_messages")
    op.drop_table("meta")
    op.drop_table("log_batches")
    op.drop_table("idempotency_keys")
    op.drop_index("ix_holders_run_id", table_name="holders")
    op.drop_index("ix_holders_position", table_name="holders")
    op.drop_table("holders")
    op.drop_index("ix_firings_created_at", table_name="firings")
    op.drop_table("firings")
    op.drop_index("ix_attempts_run_id", table_name="attempts")
    op.drop_table("attempts")
