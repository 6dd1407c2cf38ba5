"""Tables, migrations, queries: SQLite and PostgreSQL."""
