"""Sources to revisions."""
