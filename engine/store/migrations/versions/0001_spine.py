"""The first schema.

While no release exists the tables themselves are the first revision; from the first release on this file is frozen
into statements of its own, and every change is a revision after it.
"""

from alembic import op

from engine.store.tables import metadata

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    metadata.create_all(op.get_bind())


def downgrade() -> None:
    metadata.drop_all(op.get_bind())
