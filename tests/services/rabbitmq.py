"""RabbitMQ: a node of our own with its own epmd, no plugins, everything on loopback; and a fresh vhost on request."""

import contextlib
import json
import logging
import os
import secrets
import shlex
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pika
import pika.exceptions

from tests.services import processes
from tests.services.errors import ServiceUnavailableError
from tests.services.place import Kind, Place
from tests.services.ports import free_port

ACCOUNT = "chronoverse"
START_SECONDS_MAX = 90.0
EPMD_SECONDS_MAX = 10.0
ANSWER_SECONDS_MAX = 3.0
CONTROL_SECONDS_MAX = 60.0
LOOPBACK_ONLY = "-kernel inet_dist_use_interface {127,0,0,1}"
CONTROL_VARIABLE = "CHRONOVERSE_TEST_RABBITMQCTL"


def program(name: str) -> str | None:
    """Find a program; not Debian's wrapper on the PATH, which changes user and forgets the environment."""
    inside = Path("/usr/lib/rabbitmq/bin") / name
    return str(inside) if inside.exists() else shutil.which(name)


def start(place: Place) -> str:
    """Start epmd, then the node, both in the foreground; the URL names the default vhost."""
    place.service.environ = _prepare(place)
    epmd_port = int(place.service.environ["ERL_EPMD_PORT"])
    epmd = place.launch([shutil.which("epmd") or "epmd"], place.service.environ)
    place.wait(lambda: _check_port("127.0.0.1", epmd_port), epmd, EPMD_SECONDS_MAX)
    password = (place.directory / "password").read_text()
    url = f"amqp://{ACCOUNT}:{password}@127.0.0.1:{place.service.environ['RABBITMQ_NODE_PORT']}/%2F"
    start_node(place, url)
    return url


def start_node(place: Place, url: str) -> None:
    """Start the node of a prepared place, and wait until it answers."""
    node = place.launch([program("rabbitmq-server") or "rabbitmq-server"], place.service.environ)
    place.wait(lambda: check(url), node, START_SECONDS_MAX)


def restart_node(place: Place) -> None:
    """End the node as a shutdown would, and start it again on the same data and ports; epmd stays."""
    node = place.service.processes[-1]
    processes.end_one(node)
    place.drop(node)
    start_node(place, place.service.url)


def _prepare(place: Place) -> dict[str, str]:
    """Write the node's configuration, and give the environment of the node and of its tools."""
    home, port, password = place.directory, free_port(), secrets.token_hex(16)
    (home / "password").touch(mode=0o600)
    (home / "password").write_text(password)
    (home / "rabbitmq.conf").write_text(
        f"listeners.tcp.1 = 127.0.0.1:{port}\ndefault_user = {ACCOUNT}\ndefault_pass = {password}\n"
        "log.console = true\nlog.console.level = warning\nlog.file = false\n"
    )
    (home / "enabled_plugins").write_text("[].\n")
    cookie = home / ".erlang.cookie"
    cookie.write_text(secrets.token_hex(16))
    cookie.chmod(0o400)
    return {
        "HOME": str(home),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(free_port()),
        "RABBITMQ_NODENAME": f"{place.name}-{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
        "RABBITMQ_LOG_BASE": str(home / "log"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(home / "config"),
        "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": str(home / "no-rabbitmq-env.conf"),  # not the system's
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": LOOPBACK_ONLY,
        "RABBITMQ_CTL_ERL_ARGS": LOOPBACK_ONLY,
        "RABBITMQ_CTL_DIST_PORT_MIN": "0",  # any: several tests may run it at once
        "RABBITMQ_CTL_DIST_PORT_MAX": "0",
        "RUNNING_UNDER_SYSTEMD": "1",  # the script then becomes the node, instead of waiting for it
    }


def check(url: str) -> None:
    """Ask the broker for a connection.

    Raises:
        ServiceUnavailableError: There is none.
    """
    parts = urlsplit(url)
    _check_port(parts.hostname or "localhost", parts.port or 5672)
    parameters = pika.URLParameters(url)
    parameters.socket_timeout = parameters.stack_timeout = parameters.blocked_connection_timeout = ANSWER_SECONDS_MAX
    # The driver logs each failed attempt with its traceback; that the port is open before the node is ready is no news.
    log = logging.getLogger("pika")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        pika.BlockingConnection(parameters).close()
    except (pika.exceptions.AMQPError, OSError) as error:
        raise ServiceUnavailableError(f"RabbitMQ: {error!r}") from error
    finally:
        log.setLevel(level)


def _check_port(host: str, port: int) -> None:
    try:
        socket.create_connection((host, port), timeout=ANSWER_SECONDS_MAX).close()
    except OSError as error:
        raise ServiceUnavailableError(f"RabbitMQ: {host}:{port}: {error}") from error


def control(environ: Mapping[str, str], *arguments: str, text: str | None = None) -> str:
    """Run rabbitmqctl against the node of this environment and give its output.

    For a broker that is not ours, CHRONOVERSE_TEST_RABBITMQCTL holds the command.

    Raises:
        ServiceUnavailableError: There is no rabbitmqctl for this broker.
        RuntimeError: It failed; with what it said.
    """
    words = shlex.split(os.environ.get(CONTROL_VARIABLE, "")) if not environ else [program("rabbitmqctl") or ""]
    if not words or not words[0]:
        raise ServiceUnavailableError(f"no rabbitmqctl for this broker; hint: set {CONTROL_VARIABLE} to the command")
    done = subprocess.run(
        [*words, "--quiet", *arguments],
        env={**os.environ, **environ},
        input=text or "",
        capture_output=True,
        text=True,
        timeout=CONTROL_SECONDS_MAX,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"rabbitmqctl {' '.join(arguments)} exited with {done.returncode}: {done.stderr}")
    return done.stdout


@contextlib.contextmanager
def fresh_vhost(url: str, environ: Mapping[str, str]) -> Iterator[str]:
    """Create a vhost for the URL's user, give its URL, and delete it with everything in it."""
    name = f"test-{secrets.token_hex(8)}"
    everything = {"user": urlsplit(url).username, "vhost": name, "configure": ".*", "write": ".*", "read": ".*"}
    # One run of the tool, which takes a second to start, instead of one for the vhost and one for the permissions.
    control(environ, "import_definitions", text=json.dumps({"vhosts": [{"name": name}], "permissions": [everything]}))
    try:
        yield urlsplit(url)._replace(path=f"/{name}").geturl()
    finally:
        control(environ, "delete_vhost", name)


KIND = Kind(
    name="rabbitmq",
    variable="CHRONOVERSE_TEST_BROKER_URL",
    packages=("rabbitmq-server",),
    installed=lambda: program("rabbitmq-server") is not None and shutil.which("epmd") is not None,
    check=check,
    start=start,
)
