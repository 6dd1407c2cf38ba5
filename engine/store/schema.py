"""The schema's version: brought up to date once, and checked by every role that starts."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, inspect, select, text

from engine.store import tables_accounts, tables_audit, tables_feed, tables_rollups, tables_throttle, tables_webhooks
from engine.store.database import Database
from engine.store.errors import SchemaError
from engine.store.tables import metadata

if TYPE_CHECKING:  # Alembic costs 6 MB and is needed only when there is something to migrate
    from alembic.config import Config

HEAD: Final = "0003"
"""The version that this program needs: the newest of `migrations/versions`."""

_EXTENDING: Final = (tables_accounts, tables_audit, tables_feed, tables_rollups, tables_throttle, tables_webhooks)
"""Modules whose tables are part of the schema: each adds them to `metadata` as it is imported."""

_LOCK: Final = 0x6368726F6E6F
_SCRIPTS: Final = Path(__file__).parent / "migrations"
_alembic_version = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))


def migrate(database: Database) -> None:
    """Bring the schema to this program's version. Two that try at once take turns; the second finds nothing to do.

    An empty database gets the tables as they are now, which is what all migrations together give (a test compares).
    """
    with database.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            connection.execute(text("SET LOCAL lock_timeout = '2s'"))
        found = _version(connection)
        if found is None:
            metadata.create_all(connection)
            _alembic_version.create(connection, checkfirst=True)
            connection.execute(insert(_alembic_version).values(version_num=HEAD))
        elif found != HEAD:
            upgrade(connection)


def upgrade(connection: Connection) -> None:
    """Run the migrations that the database has not had."""
    from alembic import command  # noqa: PLC0415 - see above

    command.upgrade(alembic_config(connection), "head")


def check_version(database: Database) -> None:
    """Raise `SchemaError` unless the schema is this program's."""
    with database.read() as connection:
        found = _version(connection)
    if found != HEAD:
        raise SchemaError(
            f"the database's schema is {found or 'empty'}, this program needs {HEAD}\n"
            "  hint: start one `chronoverse engine` of this version first; it migrates the database"
        )


def alembic_config(connection: Connection) -> "Config":
    """Return Alembic's configuration for a connection."""
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    return config


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_alembic_version.name):
        return None
    version: str | None = connection.execute(select(_alembic_version.c.version_num)).scalar()
    return version
