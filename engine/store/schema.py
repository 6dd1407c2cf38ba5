"""The schema's version: brought up to date once, and checked by every role that starts."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from engine.store.database import Database
from engine.store.errors import SchemaError

_LOCK: Final = 0x6368726F6E6F
_SCRIPTS: Final = Path(__file__).parent / "migrations"


def migrate(database: Database) -> None:
    """Bring the schema to this program's version. Two that try at once take turns; the second finds nothing to do."""
    with database.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            connection.execute(text("SET LOCAL lock_timeout = '2s'"))
        if _version(connection) != head():
            command.upgrade(_config(connection), "head")


def check_version(database: Database) -> None:
    """Raise `SchemaError` unless the schema is this program's."""
    with database.read() as connection:
        found = _version(connection)
    if found != head():
        raise SchemaError(
            f"the database's schema is {found or 'empty'}, this program needs {head()}\n"
            "  hint: start one `chronoverse engine` of this version first; it migrates the database"
        )


def head() -> str:
    """Return the version that this program needs."""
    version = ScriptDirectory(str(_SCRIPTS)).get_current_head()
    assert version is not None
    return version


def _version(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    return config
