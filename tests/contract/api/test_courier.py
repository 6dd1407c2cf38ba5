"""Notices are sent to a real HTTP server and a real SMTP server; refusals are tried again, and given up in the end."""

import json
import socket
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select

from engine.services.courier import Courier, MailSettings
from engine.store.tables import notifications
from tests.contract.api.play import Play
from tests.serving import Quiet, serving


class Receiver(ThreadingHTTPServer):
    """Keeps what is posted; answers with the next of `answers`, else 204."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[str, dict, dict]] = []
        self.answers: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class _Handler(Quiet):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append((self.path, dict(self.headers), body))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 204)
        self.end_headers()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with serving(Receiver()) as server:
        yield server


class Mailbox:
    def __init__(self) -> None:
        self.got: list[tuple[list[str], str]] = []

    async def handle_DATA(self, server, session, envelope) -> str:  # type: ignore[no-untyped-def]
        self.got.append((envelope.rcpt_tos, envelope.content.decode()))
        return "250 OK"


@pytest.fixture
def mail_server() -> Iterator[tuple[Mailbox, str]]:
    mailbox = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield mailbox, f"smtp://127.0.0.1:{port}"
    controller.stop()


def failed(api, play: Play, notify: str) -> str:
    play.files(w=f"secrets: [HOOK]\nnotify:\n  - {notify}\ntasks: {{a: {{run: echo}}}}\n")
    play.worker()
    run_id = api.post(f"/api/v1/workflows/{play.namespace}/w/runs", json={}).json()["id"]
    play.settle()
    play.carry_out(run_id, state="failed", reason="exit", exit_code=3, message="exit 3")
    return run_id


def rows(play: Play, run_id: str):
    query = select(notifications).where(notifications.c.run_id == run_id).order_by(notifications.c.id)
    with play.database.read() as connection:
        return connection.execute(query).all()


def courier_of(play: Play, **given: object) -> Courier:
    return Courier(play.database, clock=play.clock, **given)  # type: ignore[arg-type]


def sent(play: Play, courier: Courier, run_id: str) -> str:
    while courier.send_due():  # notices of other tests on the same database may be due too
        pass
    return rows(play, run_id)[0].state


def test_a_webhook_gets_the_run_and_a_sentence_for_chats(api, play, receiver: Receiver) -> None:
    run_id = failed(
        api, play, f'{{on: [failed], webhook: {{url: "{receiver.url}", headers: {{X-Run: "${{{{ run.id }}}}"}}}}}}'
    )
    assert sent(play, courier_of(play), run_id) == "sent"
    ((path, said, body),) = [got for got in receiver.got if got[2]["run"]["id"] == run_id]
    assert (path, said["X-Run"], said["Chronoverse-Event"]) == ("/hook", run_id, "failed")
    assert (body["event"], body["run"]["state"], body["run"]["reason"]) == ("failed", "failed", "task_failed")
    assert body["text"] == body["content"] == f"{play.namespace}/w: failed: task 'a' failed: exit 3 (run {run_id})"


def test_a_receiver_that_refuses_is_asked_again_later(api, play, receiver: Receiver) -> None:
    run_id = failed(api, play, f'{{on: [failed], webhook: {{url: "{receiver.url}"}}}}')
    receiver.answers = [503]
    courier = courier_of(play)
    assert sent(play, courier, run_id) == "pending"
    assert (rows(play, run_id)[0].attempts, rows(play, run_id)[0].error) == (1, "the receiver answered 503")
    assert sent(play, courier, run_id) == "pending"  # its time has not come
    play.clock.forward(seconds=6)
    assert sent(play, courier, run_id) == "sent"
    assert rows(play, run_id)[0].attempts == 2


def test_what_nobody_takes_for_a_day_is_given_up(api, play, receiver: Receiver) -> None:
    run_id = failed(api, play, f'{{on: [failed], webhook: {{url: "{receiver.url}"}}}}')
    receiver.answers = [500] * 20
    courier = courier_of(play)
    for _ in range(12):
        sent(play, courier, run_id)
        play.clock.forward(hours=13)
    assert (rows(play, run_id)[0].state, rows(play, run_id)[0].attempts) == ("dead", 10)


def test_an_address_that_cannot_be_worked_out_is_given_up_at_once(api, play) -> None:
    run_id = failed(api, play, '{on: [failed], webhook: {url: "${{ secrets.HOOK }}"}}')
    assert sent(play, courier_of(play), run_id) == "dead"
    assert "secret" in rows(play, run_id)[0].error


def test_notices_are_listed_by_state(api, play) -> None:
    run_id = failed(api, play, '{on: [failed], webhook: {url: "${{ secrets.HOOK }}"}}')
    sent(play, courier_of(play), run_id)
    found = api.get("/api/v1/notifications", params={"state": "dead", "limit": 200}).json()["items"]
    (mine,) = [item for item in found if item["run"] == run_id]
    assert (mine["event"], mine["state"], mine["attempts"]) == ("failed", "dead", 1)
    waiting = api.get("/api/v1/notifications", params={"state": "pending", "limit": 200}).json()["items"]
    assert run_id not in {item["run"] for item in waiting}


def test_a_host_that_is_called_secrets_is_no_secret(api, play, receiver: Receiver) -> None:
    url = receiver.url + "?from=secrets.example"
    run_id = failed(api, play, f'{{on: [failed], webhook: {{url: "{url}"}}}}')
    assert sent(play, courier_of(play), run_id) == "sent"


def test_one_notice_that_cannot_be_made_does_not_hold_up_the_others(api, play, receiver: Receiver, monkeypatch) -> None:
    first = failed(api, play, f'{{on: [failed], webhook: {{url: "{receiver.url}"}}}}')
    courier = courier_of(play)
    monkeypatch.setattr(courier._revisions, "get", lambda _: 1 / 0)
    while courier.send_due():
        pass
    assert (rows(play, first)[0].state, rows(play, first)[0].error) == (
        "pending",
        "it could not be made: division by zero",
    )


def test_an_email_says_what_happened(api, play, mail_server: tuple[Mailbox, str]) -> None:
    mailbox, url = mail_server
    run_id = failed(api, play, "{on: [failed], email: {to: [data@example.org, ops@example.org]}}")
    courier = courier_of(play, mail_settings=MailSettings(url, "flows@example.org"))
    assert sent(play, courier, run_id) == "sent"
    ((to, text),) = [got for got in mailbox.got if run_id in got[1]]
    assert to == ["data@example.org", "ops@example.org"]
    assert f"Subject: {play.namespace}/w: failed" in text
    assert f"chronoverse runs show {run_id}" in text


def test_without_a_mail_server_the_notice_waits_and_says_what_to_set(api, play) -> None:
    run_id = failed(api, play, "{on: [failed], email: {to: [data@example.org]}}")
    assert sent(play, courier_of(play), run_id) == "pending"
    assert "CHRONOVERSE_SMTP_URL" in rows(play, run_id)[0].error
