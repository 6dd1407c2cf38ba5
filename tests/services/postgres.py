"""PostgreSQL: a cluster of our own, fast because it may lose everything, and a fresh database on request."""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from tests.services.errors import ServiceUnavailableError
from tests.services.place import Kind, Place
from tests.services.ports import free_port

ACCOUNT = "postgres"
DEBIAN_ROOT = Path("/usr/lib/postgresql")
CONNECTIONS_MAX = 200
START_SECONDS_MAX = 60.0
ANSWER_SECONDS_MAX = 3
SETTINGS = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    f"max_connections={CONNECTIONS_MAX}",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
)


def programs(root: Path = DEBIAN_ROOT) -> Path | None:
    """Find the directory with the newest server's programs; Debian keeps them off the PATH, one for each version."""
    versions = [path for path in root.glob("[0-9]*/bin") if (path / "initdb").exists()]
    if versions:
        return max(versions, key=lambda path: float(path.parent.name))
    found = shutil.which("initdb")
    return Path(found).parent if found else None


def start(place: Place) -> str:
    """Create a cluster and start it; its URL names the maintenance database."""
    directory = programs()
    assert directory is not None, "the package was installed"
    account = ACCOUNT if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    password = secrets.token_hex(16)
    if account:
        shutil.chown(place.directory, account)
    _create_cluster(place, directory, account, password)
    port = free_port()
    settings = [word for setting in (*SETTINGS, f"port={port}") for word in ("-c", setting)]
    # INT is the fast shutdown; TERM would wait for the last client to leave.
    process = place.launch(
        [str(directory / "postgres"), "-D", str(place.directory / "data"), *settings], user=account, stop=signal.SIGINT
    )
    url = f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"
    place.wait(lambda: check(url), process, START_SECONDS_MAX)
    return url


def _create_cluster(place: Place, directory: Path, account: str | None, password: str) -> None:
    secret = place.directory / "password"
    secret.touch(mode=0o600)
    secret.write_text(password)
    if account:
        shutil.chown(secret, account)
    command = [str(directory / "initdb"), "-D", str(place.directory / "data"), "--no-sync", "--locale=C.UTF-8"]
    command += ["--encoding=UTF8", "--username=postgres", "--auth=scram-sha-256", f"--pwfile={secret}"]
    with place.log.open("ab") as log:
        done = subprocess.run(
            command,
            env=place.environ({}),
            cwd="/",
            user=account,
            group=account,
            extra_groups=None if account is None else [],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            timeout=START_SECONDS_MAX,
            check=False,
        )
    if done.returncode != 0:
        raise place.failure(f"was not initialised: initdb exited with {done.returncode}")


def check(url: str) -> None:
    """Ask the server for an answer.

    Raises:
        ServiceUnavailableError: There is none.
    """
    try:
        with psycopg.connect(url, connect_timeout=ANSWER_SECONDS_MAX) as connection:
            connection.execute("select 1")
    except psycopg.Error as error:
        raise ServiceUnavailableError(f"PostgreSQL: {error}") from error


@contextlib.contextmanager
def fresh_database(url: str) -> Iterator[str]:
    """Create a database on the server, give its URL, and drop it with whoever is still connected."""
    name = f"test_{secrets.token_hex(8)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
    try:
        yield urlsplit(url)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


KIND = Kind(
    name="postgres",
    variable="CHRONOVERSE_TEST_DATABASE_URL",
    packages=("postgresql",),
    installed=lambda: programs() is not None,
    check=check,
    start=start,
)
