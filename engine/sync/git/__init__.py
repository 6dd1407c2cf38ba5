"""Git repositories as sources: a bare mirror, fetched by a process of its own and read here."""
