"""The services of the tests themselves: each does real work, alone, and lets go of it."""

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import docker
import pika
import psutil
import psycopg
import pytest

from tests.services import KINDS, processes, restart_rabbitmq, state
from tests.services.demand import demand
from tests.services.dockerd import IMAGE_ALIAS
from tests.services.place import Place
from tests.services.rabbitmq import control

QUEUE = "greetings"


def publish(url: str, body: bytes) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare(QUEUE, durable=True)
        channel.basic_publish("", QUEUE, body, pika.BasicProperties(delivery_mode=2), mandatory=True)
    finally:
        connection.close()


def receive(url: str) -> bytes | None:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        return connection.channel().basic_get(QUEUE, auto_ack=True)[2]
    finally:
        connection.close()


def test_postgres_gives_an_empty_database_and_keeps_what_is_written(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        tables = connection.execute("select count(*) from information_schema.tables where table_schema = 'public'")
        assert tables.fetchone() == (0,)
        connection.execute("create table greetings (words text)")
        connection.execute("insert into greetings values ('guten Tag, 世界')")
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("select words from greetings").fetchall() == [("guten Tag, 世界",)]
        connection.execute("drop table greetings")


def test_the_database_is_the_modules_own(postgres_url: str, postgres_server: str) -> None:
    assert urlsplit(postgres_url).path != urlsplit(postgres_server).path
    assert urlsplit(postgres_url).path.startswith("/test_")


def test_rabbitmq_hands_a_confirmed_message_on(rabbitmq_url: str) -> None:
    publish(rabbitmq_url, b"hello")
    assert receive(rabbitmq_url) == b"hello"
    assert receive(rabbitmq_url) is None


def test_rabbitmqctl_sees_the_modules_vhost(rabbitmq_url: str, rabbitmqctl: Callable[..., str]) -> None:
    vhost = urlsplit(rabbitmq_url).path.removeprefix("/")
    assert vhost in rabbitmqctl("list_vhosts", "name").splitlines()


def test_a_restarted_broker_has_new_processes_and_the_old_messages(own_broker: Place) -> None:
    url, before = own_broker.service.url, own_broker.service.processes[-1]
    publish(url, b"durable")
    restart_rabbitmq(own_broker.name)
    assert not processes.alive(before)
    known = state.load()
    assert known is not None
    assert known.services[own_broker.name].processes[-1] != before
    assert receive(url) == b"durable"
    assert QUEUE in control(own_broker.service.environ, "list_queues", "name").splitlines()


@pytest.mark.parametrize("name", ["the fixture's", IMAGE_ALIAS])
def test_docker_runs_a_container_without_a_network(docker_url: str, docker_image: str, name: str) -> None:
    image = docker_image if name == "the fixture's" else name
    client = docker.DockerClient(base_url=docker_url)
    try:
        said = client.containers.run(image, ["sh", "-c", "echo $((6 * 7)); id -un"], network_mode="none", remove=True)
    finally:
        client.close()
    assert said.decode().split() == ["42", "root"]


@pytest.mark.parametrize(("ci", "verdict"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
@pytest.mark.parametrize("name", KINDS)
def test_a_silent_service_skips_on_a_laptop_and_fails_in_ci(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, ci: str, verdict: type[BaseException]
) -> None:
    silent = {"postgres": "postgresql://127.0.0.1:1/x", "rabbitmq": "amqp://127.0.0.1:1/x"}
    monkeypatch.setenv(KINDS[name].variable, silent.get(name, f"unix://{tmp_path}/nobody"))
    monkeypatch.setenv("CI", ci)
    with pytest.raises(verdict, match=f"{KINDS[name].variable} is set, but nothing answers there"):
        demand(name)


# Starts a helper that leaves its session and will not hear TERM, says its pid, and ends without it.
DESERTER = """
trap '' TERM
setsid sh -c 'echo $$; exec sleep 600' &
wait
"""


@pytest.mark.skipif(sys.platform != "linux", reason="processes are known by what Linux tells of them")
@pytest.mark.parametrize("deserted", [False, True])
def test_ending_a_service_ends_what_it_left_behind(tmp_path: Path, deserted: bool) -> None:
    log, environ = tmp_path / "log", {processes.MARKER: str(tmp_path), "PATH": "/usr/bin:/bin"}
    parent = processes.launch(["/bin/sh", "-c", DESERTER], environ=environ, log=log)
    helper = psutil.Process(int(_first_line(log)))
    if deserted:
        psutil.Process(parent.pid).kill()
        psutil.wait_procs([psutil.Process(parent.pid)], timeout=10)
        assert helper.is_running()
    processes.end([parent], str(tmp_path), grace_seconds=0.2)
    assert not processes.alive(parent)
    assert not helper.is_running() or helper.status() == psutil.STATUS_ZOMBIE


def test_a_process_that_got_the_pid_of_ours_is_let_live(tmp_path: Path) -> None:
    other = processes.launch(["/bin/sleep", "600"], environ={}, log=tmp_path / "log")
    mistaken = processes.Recorded(pid=other.pid, ticks=other.ticks - 1)
    try:
        processes.end([mistaken], str(tmp_path))
        assert processes.alive(other)
    finally:
        processes.end([other], str(tmp_path))
    assert not processes.alive(other)


def _first_line(log: Path) -> str:
    waiting = threading.Event()
    for _ in range(1000):
        text = log.read_text()
        if text.endswith("\n"):
            return text.splitlines()[0]
        waiting.wait(0.01)
    raise AssertionError("the helper said nothing in 10 s")
