"""Whether what must always be true of the database is true."""

import sys
from typing import TYPE_CHECKING

import click

from cli.errors import CliError
from cli.output import as_json, print_json, print_table

if TYPE_CHECKING:  # loaded by the command itself, so that `--help` stays fast
    from engine.store.invariants import Violation

ROWS_SHOWN = 5


@click.command()
@click.option("--database-url", help="The database.  [default: CHRONOVERSE_DATABASE_URL, else the state directory's]")
@as_json
def doctor(database_url: str | None, json_output: bool) -> None:
    """Check the database's invariants, on a live system too. Exits 1 if any is broken. Changes nothing."""
    from engine.store.invariants import INVARIANTS

    broken = {violation.invariant.name: violation for violation in _check(database_url)}
    if json_output:
        print_json(
            [
                {
                    "name": item.name,
                    "rule": item.rule,
                    "ok": item.name not in broken,
                    "rows": _rows(broken.get(item.name)),
                }
                for item in INVARIANTS
            ]
        )
    else:
        table = ((_mark(item.name in broken), item.rule, _few(broken.get(item.name))) for item in INVARIANTS)
        print_table(("", "RULE", "BROKEN BY"), table, "there are no rules")
    if broken:
        sys.exit(1)


def _check(database_url: str | None) -> "list[Violation]":
    from engine.settings import Settings, SettingsError
    from engine.store.database import Database, sqlite_path
    from engine.store.errors import StoreError
    from engine.store.invariants import check
    from engine.store.schema import check_version

    try:
        url = Settings.read(database_url=database_url).store_url
        path = sqlite_path(url)
        if path is not None and not path.exists():
            raise StoreError(f"there is no database at {path}\n  hint: name it with --database-url")
        database = Database.open(url)
        try:
            check_version(database)
            with database.read() as connection:
                return check(connection, database.now())
        finally:
            database.close()
    except (SettingsError, StoreError) as error:
        message, _, hint = str(error).partition("\n  hint: ")
        raise CliError(message, hint) from error


def _mark(broken: bool) -> str:
    return "BROKEN" if broken else "ok"


def _rows(violation: "Violation | None") -> list[str]:
    return list(violation.rows) if violation else []


def _few(violation: "Violation | None") -> str:
    rows = _rows(violation)
    more = f" and {len(rows) - ROWS_SHOWN} more" if len(rows) > ROWS_SHOWN else ""
    return "; ".join(rows[:ROWS_SHOWN]) + more
