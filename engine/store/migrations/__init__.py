"""The schema's history (Alembic). A release expands, the next migrates, the one after contracts."""
