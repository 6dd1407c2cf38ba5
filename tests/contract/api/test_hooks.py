"""Webhook triggers: what is signed well starts a run once; what is not is told nothing."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator

import pytest
from litestar.testing import TestClient
from sqlalchemy import select, update

from api.app import create_app
from api.dependencies import Dependencies
from engine.keyring import Keyring
from engine.store.tables import revisions, workflows
from tests.contract.api.play import Play

KEY = base64.b64encode(bytes(32)).decode()
SECRET = "it is a secret to everybody"
PUSHED = """
inputs: {branch: {type: string}}
triggers:
  push:
    webhook: {secret: HOOK}
    if: trigger.body.ref != 'refs/heads/wip'
    inputs: {branch: "${{ trigger.body.ref }} ${{ trigger.headers['x-event'] }}"}
tasks: {a: {set: {b: "${{ inputs.branch }}"}}}
"""


@pytest.fixture
def api(play: Play) -> Iterator[TestClient]:
    app = create_app(
        Dependencies(database=play.database, broker=play.broker, clock=play.clock, keyring=Keyring.of_text(KEY))
    )
    with TestClient(app, base_url="http://127.0.0.1:8080") as client:
        yield client


@pytest.fixture
def hook(api, play):
    play.files(w=PUSHED)
    answer = api.put(f"/api/v1/secrets/HOOK?namespace={play.namespace}", json={"value": SECRET})
    assert answer.status_code < 300, answer.text
    return f"/api/v1/hooks/{play.namespace}/w/push"


def signed(body: bytes, secret: str = SECRET, **headers: str) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": f"sha256={digest}", "Content-Type": "application/json", "X-Event": "push", **headers}


def dated(body: bytes, at: float) -> dict[str, str]:
    time = str(int(at))
    digest = hmac.new(SECRET.encode(), f"{time}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Chronoverse-Signature": f"t={time},v1={digest}", "X-Event": "push"}


def pushed(ref: str, **more: object) -> bytes:
    return json.dumps({"ref": ref, **more}).encode()


def runs(api, play):
    return api.get("/api/v1/runs", params={"workflow": f"{play.namespace}/w"}).json()["items"]


def test_a_signed_request_starts_a_run_with_its_inputs(api, play, hook):
    body = pushed("refs/heads/main")
    answer = api.post(hook, content=body, headers=signed(body, Authorization="Bearer x"))
    assert (answer.status_code, answer.json()["outcome"]) == (202, "run")
    play.settle()
    shown = api.get(f"/api/v1/runs/{answer.json()['run']}").json()
    assert (shown["state"], shown["inputs"]) == ("succeeded", {"branch": "refs/heads/main push"})
    assert shown["trigger"] == {"kind": "webhook", "name": "push"}
    assert "authorization" not in shown["trigger_details"]["headers"]


def test_a_signed_request_is_in_the_audit_log_by_its_trigger(api, play, hook):
    body = pushed("refs/heads/main")
    api.post(hook, content=body, headers=signed(body))
    [row] = api.get("/api/v1/audit", params={"operation": "receiveHook", "limit": 1}).json()["items"]
    assert (row["who"], row["status"], row["path"]) == (f"trigger {play.namespace}/w/push", 202, hook)


def test_the_same_delivery_is_answered_alike_and_runs_once(api, play, hook):
    body = pushed("refs/heads/main")
    first, second = (api.post(hook, content=body, headers=signed(body)) for _ in range(2))
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert len(runs(api, play)) == 1


def test_a_dated_signature_is_taken_for_five_minutes(api, play, hook):
    body = pushed("refs/heads/main")
    now = play.clock().timestamp()
    assert api.post(hook, content=body, headers=dated(body, now - 290)).status_code == 202
    assert api.post(hook, content=body, headers=dated(body, now)).status_code == 202  # the same body, sent again
    assert len(runs(api, play)) == 2
    late = api.post(hook, content=body, headers=dated(body, now - 310))
    assert (late.status_code, late.json()["type"]) == (401, "urn:chronoverse:problem:unsigned")


def test_a_condition_that_is_false_starts_nothing(api, play, hook):
    body = pushed("refs/heads/wip")
    answer = api.post(hook, content=body, headers=signed(body)).json()
    assert (answer["outcome"], answer["run"]) == ("skipped", None)
    assert runs(api, play) == []


def test_a_paused_workflow_starts_nothing(api, play, hook):
    api.post(f"/api/v1/workflows/{play.namespace}/w/pause", json={})
    body = pushed("refs/heads/main")
    assert api.post(hook, content=body, headers=signed(body)).json()["message"] == "the workflow is paused"


@pytest.mark.parametrize("path", ["w/push", "w/none", "none/push"])
def test_nothing_is_told_to_who_does_not_know_the_secret(api, play, hook, path):
    body = pushed("refs/heads/main")
    url = f"/api/v1/hooks/{play.namespace}/{path}"
    for headers in (signed(body, "guess"), {}, {"X-Hub-Signature-256": "sha256=zz"}, signed(b"other")):
        answer = api.post(url, content=body, headers=headers)
        assert answer.status_code == 401
        assert play.namespace not in answer.json()["detail"]
    assert runs(api, play) == []


def test_a_body_that_is_no_json_is_text_or_a_form(api, play, hook):
    form = b"ref=refs%2Fheads%2Fmain"
    headers = signed(form) | {"Content-Type": "application/x-www-form-urlencoded"}
    assert api.post(hook, content=form, headers=headers).json()["outcome"] == "run"
    text = b"hello"
    answer = api.post(hook, content=text, headers=signed(text)).json()
    assert answer["outcome"] == "skipped"
    assert "cannot be worked out" in answer["message"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"ref": NaN}', "byte 8"),
        (b'{"ref": [-Infinity]}', "byte 10"),
        (b'{"ref": "main"', "truncated"),
        (b'{"ref": "\xff"}', "not UTF-8"),
        (b"[" * 100_000 + b"]" * 100_000, "64 levels"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "64 levels"),
    ],
    ids=["NaN", "Infinity", "cut off", "not UTF-8", "very deep", "too deep"],
)
def test_json_that_cannot_be_kept_is_refused_with_its_place(api, play, hook, body, said):
    answer = api.post(hook, content=body, headers=signed(body))
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:chronoverse:problem:bad-body")
    assert said in answer.json()["detail"]
    assert runs(api, play) == []
    text = api.post(hook, content=body, headers=signed(body) | {"Content-Type": "text/plain"})
    assert text.status_code == 202  # whoever calls it text may send it


def test_a_revision_that_cannot_be_read_refuses_like_any_other(api, play, hook):
    with play.database.write() as connection:
        mine = select(workflows.c.active_revision_id).where(workflows.c.namespace == play.namespace)
        spoilt = update(revisions).where(revisions.c.id.in_(mine))
        connection.execute(spoilt.values(compiled=b'{"name":"n","tasks":{"a":{"id":"a"}}}'))
    body = pushed("refs/heads/main")
    for headers in (signed(body), signed(body, "guess"), {}):
        assert api.post(hook, content=body, headers=headers).status_code == 401
