"""Sources to revisions: fetch, validate, plan, apply."""
