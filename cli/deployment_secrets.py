"""The secrets of a deployment, made on its first start: a file each, in a directory for those who may read it."""

import base64
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

import click

from cli.errors import CliError

ACCOUNT: Final = "chronoverse"
KEY_BYTES: Final = 32
MODE: Final = 0o444
"""Readable by every user: the database's container has another one than ours. Who sees them is up to the directory."""


@click.command("secrets")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--database-host", default="postgres", show_default=True, help="Where roles find PostgreSQL.")
@click.option("--broker-host", default="rabbitmq", show_default=True, help="Where roles find RabbitMQ.")
def make_secrets(directory: Path, database_host: str, broker_host: str) -> None:
    """Write the secrets of a deployment into DIRECTORY, those that are missing: what is there stays as it is.

    Passwords, the key of the secrets, and the URLs with the passwords in them, for the settings that end in _FILE; in
    directories by who needs them, so that a worker is given `broker` alone.
    """
    try:
        made = [
            name
            for name, make in _files(directory, database_host, broker_host).items()
            if _written(directory / name, make)
        ]
    except OSError as error:
        raise CliError(
            f"{error.filename or directory}: {error.strerror}", "name a directory that can be written"
        ) from error
    click.echo(f"written: {', '.join(made)}" if made else f"{directory} has every secret already")


def _files(directory: Path, database_host: str, broker_host: str) -> Mapping[str, Callable[[], str]]:
    """Return how each file is made, in order: later ones read earlier ones."""

    def read(name: str) -> str:
        return (directory / name).read_text(encoding="utf-8").strip()

    def quoted(name: str) -> str:
        return quote(read(name), safe="")

    return {
        "postgres/password": _password,
        "rabbitmq/password": _password,
        "admin/password": _password,
        "engine/secret-key": lambda: base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode(),
        "engine/database-url": lambda: (
            f"postgresql://{ACCOUNT}:{quoted('postgres/password')}@{database_host}/{ACCOUNT}"
        ),
        "broker/url": lambda: f"amqp://{ACCOUNT}:{quoted('rabbitmq/password')}@{broker_host}/%2F",
        "rabbitmq/rabbitmq.conf": lambda: f"default_user = {ACCOUNT}\ndefault_pass = {read('rabbitmq/password')}",
    }


def _password() -> str:
    return secrets.token_urlsafe(KEY_BYTES)


def _written(path: Path, make: Callable[[], str]) -> bool:
    """Write a file that is missing, whole or not at all; return whether it was."""
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(make() + "\n", encoding="utf-8")
    partial.chmod(MODE)
    partial.replace(path)
    return True
