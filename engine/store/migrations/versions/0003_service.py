"""What people do over the API: the audit log."""

import sqlalchemy as sa
from alembic import op

from engine.store.types import Timestamp

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_audit()


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("at", Timestamp(), nullable=False),
        sa.Column("who", sa.String(100), nullable=False),
        sa.Column("operation", sa.String(50), nullable=False),
        sa.Column("method", sa.String(10), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("address", sa.String(100), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_who", "audit", ["who", "id"])
    op.create_index("ix_audit_operation", "audit", ["operation", "id"])
    refused = sa.text("status >= 400")
    op.create_index("ix_audit_refused", "audit", ["id"], postgresql_where=refused, sqlite_where=refused)


def downgrade() -> None:
    op.drop_table("audit")
