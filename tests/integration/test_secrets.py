"""Secrets from the store to the task, and nowhere else."""

import base64
from collections.abc import Iterator
from http.server import HTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from dsl.loader import load_text
from dsl.model import Workflow
from engine.broker import connect
from engine.broker.logs import unpack
from engine.keyring import Keyring
from engine.services.secrets import Secrets
from engine.store.reads_logs import list_log_batches
from engine.store.tables import attempts, task_runs
from tests.integration.rabbitmq_play import until
from tests.services.place import Place
from tests.serving import Quiet, serving
from tests.stack import Stack

SECRET = "tr0ub4dor-and-3-horses"
PROCESS = """
name: p
secrets: [TOKEN]
tasks:
  show:
    run: |
      printf 'it is %s' "${TOKEN:0:9}"; printf '%s\\n' "${TOKEN:9}"
      printf 'encoded '; printf 'user:%s' "$TOKEN" | base64
      test "$TOKEN" = "$(printf '%s%s' tr0ub4dor -and-3-horses)"
    env: {TOKEN: "${{ secrets.TOKEN }}"}
"""
HTTP = """
name: h
secrets: [TOKEN]
tasks:
  call:
    http:
      url: "URL"
      auth: {basic: {username: me, password: "${{ secrets.TOKEN }}"}}
      expect: {status: [200]}
"""
LEAK = """
name: l
secrets: [TOKEN]
tasks:
  leak:
    run: 'echo "it=<$TOKEN>" >> "$CHRONOVERSE_OUTPUT"'
    env: {TOKEN: "${{ secrets.TOKEN }}"}
    outputs: {it: string}
"""
MISSING = """
name: m
tasks:
  a: {run: "true", secrets: [NOT_THERE], env: {X: "${{ secrets.NOT_THERE }}"}}
"""
BROKEN = """
name: b
tasks:
  a: {run: "true", secrets: [TOKEN], env: {X: "${{ int(secrets.TOKEN) }}"}}
"""
CONTAINER = """
name: c
secrets: [TOKEN]
tasks:
  show:
    container: {image: "IMAGE", pull: never}
    run: |
      echo "it is $TOKEN"
      test "${#TOKEN}" = 22
    shell: sh
    env: {TOKEN: "${{ secrets.TOKEN }}"}
"""


def workflow(text: str) -> Workflow:
    loaded = load_text(text, "w.yaml")
    assert loaded.workflows, loaded.diagnostics
    return loaded.workflows[0].workflow


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path, keyring=Keyring.of_file(tmp_path / "secret.key")) as stack:
        Secrets(stack.database, Keyring.of_file(tmp_path / "secret.key")).put("", "TOKEN", SECRET)
        yield stack


def lines(stack: Stack, run_id: str) -> list[str]:
    with stack.database.read() as connection:
        batches = list_log_batches(connection, run_id, after=0, limit=100)
    return [line.text for batch in batches for line in unpack(batch.data)]


def lines_in_time(stack: Stack, run_id: str) -> list[str]:
    """The log; its last batch may come after the run's end."""
    until(lambda: bool(lines(stack, run_id)), "a log line comes")
    return lines(stack, run_id)


def test_a_process_gets_it_and_its_log_hides_it(stack: Stack) -> None:
    (run_id,) = stack.submit(workflow(PROCESS))
    assert stack.wait([run_id]) == ["succeeded"]
    shown = lines_in_time(stack, run_id)
    assert shown[0] == "it is ***"
    assert "***" in shown[1]


class _Basic(Quiet):
    def do_GET(self) -> None:
        wanted = "Basic " + base64.b64encode(f"me:{SECRET}".encode()).decode()
        self.send_response(200 if self.headers.get("Authorization") == wanted else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()


def test_a_request_signs_in_with_it(stack: Stack) -> None:
    with serving(HTTPServer(("127.0.0.1", 0), _Basic)) as server:
        url = f"http://127.0.0.1:{server.server_port}/"
        (run_id,) = stack.submit(workflow(HTTP.replace("URL", url)))
        assert stack.wait([run_id]) == ["succeeded"]


@pytest.mark.parametrize(
    ("text", "reason", "message"),
    [
        (LEAK, "invalid_output", "output 'it' shows the value of a secret"),
        (MISSING, "secret", "there is no secret NOT_THERE for namespace default"),
        (BROKEN, "expression", "w.yaml:4: task 'a': int(secrets.TOKEN): fails with the secret's real value"),
    ],
)
def test_what_cannot_be_ends_the_attempt_and_shows_nothing(stack: Stack, text: str, reason: str, message: str) -> None:
    (run_id,) = stack.submit(workflow(text))
    assert stack.wait([run_id]) == ["failed"]
    with stack.database.read() as connection:
        row = connection.execute(select(attempts).where(attempts.c.run_id == run_id)).one()
        task = connection.execute(select(task_runs).where(task_runs.c.run_id == run_id)).one()
    assert (row.state, row.reason) == ("failed", reason)
    assert row.message.startswith(message)
    assert SECRET not in row.message + task.message


def test_nothing_on_disk_shows_it(stack: Stack, tmp_path: Path) -> None:
    runs = stack.submit(workflow(PROCESS)) + stack.submit(workflow(LEAK)) + stack.submit(workflow(BROKEN))
    assert stack.wait(runs) == ["succeeded", "failed", "failed"]
    found = [path for path in tmp_path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert found == []
    assert list(tmp_path.rglob("*.db*")), "the database is looked at too"


def test_no_durable_message_shows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Grants go by direct reply; what is published may be kept on a disk."""
    keyring = Keyring.of_file(tmp_path / "secret.key")
    stack = Stack(tmp_path, keyring=keyring)
    Secrets(stack.database, keyring).put("default", "TOKEN", SECRET)
    published: list[bytes] = []
    publish = stack.broker.publish

    def recorded(queue: str, bodies: list[bytes], *more: Any) -> None:
        published.extend(bodies)
        publish(queue, bodies, *more)

    monkeypatch.setattr(stack.broker, "publish", recorded)
    with stack:
        runs = stack.submit(workflow(PROCESS)) + stack.submit(workflow(LEAK))
        assert stack.wait(runs) == ["succeeded", "failed"]
    assert len(published) > 4
    assert not any(SECRET.encode() in body for body in published)


def test_a_container_gets_it_and_its_log_hides_it(tmp_path: Path, docker_url: str, docker_image: str) -> None:
    keyring = Keyring.of_file(tmp_path / "secret.key")
    with Stack(tmp_path, keyring=keyring, docker_url=docker_url, docker_network="none") as stack:
        Secrets(stack.database, keyring).put("default", "TOKEN", SECRET)
        (run_id,) = stack.submit(workflow(CONTAINER.replace("IMAGE", docker_image)))
        assert stack.wait([run_id]) == ["succeeded"]
        assert lines_in_time(stack, run_id) == ["it is ***"]


def test_no_file_of_a_real_broker_shows_it(tmp_path: Path, own_broker: Place) -> None:
    keyring = Keyring.of_file(tmp_path / "secret.key")
    brokers = [connect(own_broker.service.url, name=f"test-{name}") for name in ("engine", "worker")]
    with Stack(tmp_path, brokers=brokers, keyring=keyring) as stack:
        Secrets(stack.database, keyring).put("default", "TOKEN", SECRET)
        runs = [stack.submit(workflow(text))[0] for text in (PROCESS, LEAK, BROKEN)]
        assert stack.wait(runs) == ["succeeded", "failed", "failed"]
    found = [
        path for path in own_broker.directory.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()
    ]
    assert found == []
