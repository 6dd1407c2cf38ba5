"""Every operation for every role, by the one table; and what may not be seen is not there."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator

import jwt
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api.access import ACCESS, Of
from api.app import create_app
from api.dependencies import Dependencies, Services
from engine.accounts.log_ins import _new_pair
from engine.accounts.roles import Grant, Role
from engine.keyring import Keyring
from engine.sync.source import Rules

TASK = "tasks:\n  a: {run: echo hi}\n"
PASSWORD = "correct horse battery"
ROLES = {"viewer": Role.VIEWER, "operator": Role.OPERATOR, "editor": Role.EDITOR, "admin": Role.ADMIN}


class Closed:
    """An API that demands credentials, with an account of each role in the play's namespace, and others."""

    def __init__(self, play) -> None:
        given = Dependencies(
            database=play.database,
            broker=play.broker,
            clock=play.clock,
            sync_now=play.sync_asked,
            keyring=Keyring([b"k" * 32]),
        )
        self.app: Litestar = create_app(given)
        self.services: Services = self.app.state.services
        self.client = TestClient(self.app, base_url="http://flows.example.com")
        accounts = self.services.accounts
        suffix = play.namespace
        self.tokens = {"anonymous": "", "nonsense": "cvt_nonsense"}
        accounts.add(f"root-{suffix}", None, [Grant(Role.ADMIN)])
        self.tokens["root"] = accounts.add_token(f"root-{suffix}", "t").token
        for name, role in ROLES.items():
            accounts.add(f"{name}-{suffix}", None, [Grant(role, play.namespace)])
            self.tokens[name] = accounts.add_token(f"{name}-{suffix}", "t").token
        accounts.add(f"stranger-{suffix}", None, [Grant(Role.ADMIN, "elsewhere.*")])
        self.tokens["stranger"] = accounts.add_token(f"stranger-{suffix}", "t").token
        accounts.add(f"reader-{suffix}", None, [Grant(Role.VIEWER)])
        self.tokens["reader"] = accounts.add_token(f"reader-{suffix}", "t").token

    def log_in(self, name: str):
        """Give an account a password, which takes a while by design, and log in."""
        self.services.accounts.set_password(name, PASSWORD)
        return self.client.post("/api/v1/session", json={"name": name, "password": PASSWORD}).json()

    def ask(self, who: str, method: str, path: str, **more):
        token = self.tokens[who]
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.client.request(method, path, headers=headers, **more)


@pytest.fixture
def closed(play) -> Iterator[Closed]:
    play._source.rules = Rules(namespace=play.namespace)
    play.files(flow=TASK)
    found = Closed(play)
    with found.client:
        yield found


def operations(app: Litestar) -> dict[str, tuple[str, str]]:
    """Method and path of every operation, by its id."""
    return {
        str(handler.operation_id): (min(handler.http_methods), route.path)
        for route in app.routes
        for handler in getattr(route, "route_handlers", ())
        if handler.http_methods != {"OPTIONS"} and not route.path.startswith("/schema")
    }


def test_every_operation_is_in_the_table_and_nothing_else(closed):
    assert set(operations(closed.app)) == set(ACCESS)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # the table is the same on both
@pytest.mark.parametrize("who", ["anonymous", "nonsense", *ROLES, "stranger", "reader", "root"])
def test_every_operation_lets_in_who_the_table_says(closed, play, who):
    started = closed.ask("root", "POST", f"/api/v1/workflows/{play.namespace}/flow/runs", json={})
    run_id = started.json()["id"]
    wrong = []
    for operation, (method, path) in operations(closed.app).items():
        access = ACCESS[operation]
        if operation in {"followLogs", "followEvents"}:  # they would not end
            continue
        status = closed.ask(who, method, _filled(path, play.namespace, run_id)).status_code
        if status not in _expected(who, access):
            wrong.append((operation, status))
    assert wrong == []


def _filled(path: str, namespace: str, run_id: str) -> str:
    """A path with what is there in it."""
    name = namespace if "/sources/" in path else "flow"
    known = {"namespace": namespace, "name": name, "run_id": run_id, "task": "a"}
    return re.sub(r"\{(\w+):\w+\}", lambda match: known.get(match[1], "1"), path)


def _expected(who: str, access) -> range | set[int]:
    """Statuses that say that somebody was let in (whatever came of it then), or was not."""
    passes = {*range(200, 300), 400, 404, 405, 409, 415, 422, 503}
    if access.of is Of.OPEN:
        return {*passes, 401}
    if who in {"anonymous", "nonsense"}:
        return {401}
    if who == "root" or access.of is Of.ONESELF:
        return {*passes, 403} if access.of is Of.ONESELF else passes
    if who == "reader":
        return passes if access.role is Role.VIEWER else {403}
    if access.of in {Of.SERVER, Of.QUERY}:
        return {403}
    if who == "stranger" or access.of is Of.BACKFILL:  # there is no such backfill
        return {404}
    return passes if ROLES[who].includes(access.role) else {403}


def test_what_may_not_be_seen_is_not_there(closed, play):
    path = f"/api/v1/workflows/{play.namespace}/flow"
    hidden = closed.ask("stranger", "GET", path)
    missing = closed.ask("root", "GET", f"/api/v1/workflows/{play.namespace}/none")
    assert (hidden.status_code, hidden.json()["type"]) == (missing.status_code, missing.json()["type"])
    assert hidden.json()["detail"] == f"there is no workflow {play.namespace}/flow"


def test_each_run_of_a_batch_is_judged_by_its_own_namespace(closed, play):
    started = closed.ask("root", "POST", f"/api/v1/workflows/{play.namespace}/flow/runs", json={})
    run_id = started.json()["id"]
    for who, outcome in {
        "stranger": "unknown",
        "viewer": "refused",
        "reader": "refused",
        "operator": "planned",
    }.items():
        answer = closed.ask(who, "POST", "/api/v1/runs/cancel", json={"ids": [run_id], "dry_run": True})
        assert [item["outcome"] for item in answer.json()["items"]] == [outcome], who
    everything = closed.ask("stranger", "POST", "/api/v1/runs/cancel", json={"where": {}, "dry_run": True})
    assert everything.json()["items"] == []


def test_lists_are_asked_for_by_namespace(closed, play):
    refused = closed.ask("viewer", "GET", "/api/v1/workflows")
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:chronoverse:problem:forbidden")
    assert "name one with ?namespace=" in refused.json()["detail"]
    asked = {"namespace": play.namespace}
    assert [item["name"] for item in closed.ask("viewer", "GET", "/api/v1/workflows", params=asked).json()["items"]]
    asked = {"workflow": f"{play.namespace}/flow"}
    assert closed.ask("viewer", "GET", "/api/v1/runs", params=asked).status_code == 200
    for query in (f"namespace={play.namespace}&namespace=other", "namespace=other", "namespace="):
        assert closed.ask("viewer", "GET", f"/api/v1/workflows?{query}").status_code == 403


def test_who_is_not_told_gets_the_way_to_say_it(closed):
    answer = closed.ask("anonymous", "GET", "/api/v1/runs")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["type"] == "urn:chronoverse:problem:not-authenticated"


def test_a_token_may_no_more_than_it_says(closed, play):
    body = {"name": "ci", "role": "viewer", "namespaces": play.namespace}
    made = closed.ask("root", "POST", "/api/v1/tokens", json=body)
    assert made.status_code == 201
    closed.tokens["narrow"] = made.json()["token"]
    path = f"/api/v1/workflows/{play.namespace}/flow"
    assert closed.ask("narrow", "GET", path).status_code == 200
    assert closed.ask("narrow", "POST", f"{path}/pause").status_code == 403
    assert closed.ask("narrow", "GET", "/api/v1/accounts").status_code == 403
    wider = closed.ask("narrow", "POST", "/api/v1/tokens", json={"name": "more"})
    assert wider.status_code == 403
    listed = closed.ask("root", "GET", "/api/v1/tokens").json()["items"]
    assert "ci" in [item["name"] for item in listed]
    assert not any("token" in item for item in listed)


def test_what_a_caller_does_is_done_in_his_name(closed, play):
    path = f"/api/v1/workflows/{play.namespace}/flow"
    paused = closed.ask("operator", "POST", f"{path}/pause").json()
    assert paused["pause"]["by"] == f"operator-{play.namespace}"


def test_whoever_may_log_in_gets_tokens_that_count_and_end(closed, play):
    name = f"viewer-{play.namespace}"
    given = closed.log_in(name)
    closed.tokens["me"] = given["access_token"]
    assert closed.ask("me", "GET", "/api/v1/me").json()["name"] == name
    following = closed.client.post("/api/v1/session/refresh", json={"refresh_token": given["refresh_token"]})
    assert following.status_code == 200
    again = closed.client.post("/api/v1/session/refresh", json={"refresh_token": given["refresh_token"]})
    assert again.status_code == 401  # it was used: somebody has stolen it, and the whole log-in ends
    newest = following.json()["refresh_token"]
    assert closed.client.post("/api/v1/session/refresh", json={"refresh_token": newest}).status_code == 401
    play.clock.forward(minutes=10, seconds=1)
    closed.services.gate._known.clear()
    assert closed.ask("me", "GET", "/api/v1/me").status_code == 401


@pytest.mark.parametrize("name", ["viewer", "nobody"])
def test_a_wrong_password_and_an_unknown_name_are_told_alike(closed, play, name):
    asked = {"name": f"{name}-{play.namespace}", "password": "wrong"}
    answer = closed.client.post("/api/v1/session", json=asked)
    assert (answer.status_code, answer.json()["detail"]) == (401, "the name or the password is wrong")


def test_an_account_that_is_disabled_is_let_in_no_more(closed, play):
    name = f"viewer-{play.namespace}"
    given = closed.log_in(name)
    assert closed.ask("root", "POST", f"/api/v1/accounts/{name}/disable").status_code == 200
    assert closed.client.post("/api/v1/session", json={"name": name, "password": PASSWORD}).status_code == 401
    refreshed = closed.client.post("/api/v1/session/refresh", json={"refresh_token": given["refresh_token"]})
    assert refreshed.status_code == 401
    assert closed.ask("viewer", "GET", "/api/v1/me").status_code == 401


@pytest.mark.parametrize("change", ["none", "hs256", "other key", "audience", "expired", "no kid"])
def test_a_token_of_ones_own_making_does_not_count(closed, play, change):
    name = f"root-{play.namespace}"
    real = closed.log_in(name)["access_token"]
    header, claims = jwt.get_unverified_header(real), jwt.decode(real, options={"verify_signature": False})
    kid = header["kid"]
    private, _ = _new_pair()
    public = closed.services.log_ins._public_key(kid)
    if change == "none":
        forged = jwt.encode(claims, None, algorithm="none", headers={"kid": kid})
    elif change == "hs256":
        parts = [
            base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
            for part in ({"alg": "HS256", "kid": kid}, claims)
        ]
        signature = hmac.new(public.encode(), b".".join(parts), hashlib.sha256).digest()
        forged = b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()
    elif change == "other key":
        forged = jwt.encode(claims, private, algorithm="EdDSA", headers={"kid": kid})
    else:
        _, signing = closed.services.log_ins._signing_key(play.clock())
        altered = {"audience": {"aud": "other"}, "expired": {"exp": claims["iat"] - 1}, "no kid": {}}[change]
        headers = {} if change == "no kid" else {"kid": kid}
        forged = jwt.encode({**claims, **altered}, signing, algorithm="EdDSA", headers=headers)
    closed.tokens["forged"] = forged
    assert closed.ask("forged", "GET", "/api/v1/me").status_code == 401
    closed.tokens["real"] = real
    assert closed.ask("real", "GET", "/api/v1/me").status_code == 200


def test_somebody_can_always_do_everything(closed, play):
    root = f"root-{play.namespace}"
    others = closed.ask("root", "GET", "/api/v1/accounts", params={"limit": 200}).json()["items"]
    for other in others:  # the database may have been another test's before
        if other["name"].startswith("root-") and other["name"] != root and other["disabled_at"] is None:
            assert closed.ask("root", "POST", f"/api/v1/accounts/{other['name']}/disable").status_code == 200
    for method, path, more in (
        ("POST", f"/api/v1/accounts/{root}/disable", {}),
        ("DELETE", f"/api/v1/accounts/{root}/roles", {}),
        ("PUT", f"/api/v1/accounts/{root}/roles", {"json": {"role": "viewer"}}),
    ):
        answer = closed.ask("root", method, path, **more)
        assert answer.status_code == 409
        assert "no administrator" in answer.json()["detail"]


def test_what_an_account_cannot_be_is_said(closed):
    for body, detail in (
        ({"name": "Bad Name"}, "is not a name"),
        ({"name": "x", "password": "short"}, "12 to 1,000 characters"),
        ({"name": "x", "roles": [{"role": "viewer", "namespaces": "a b"}]}, "names no namespaces"),
        ({"name": "x", "roles": [{"role": "king"}]}, "role"),
    ):
        answer = closed.ask("root", "POST", "/api/v1/accounts", json=body)
        assert answer.status_code == 422
        assert detail in answer.text


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # one without accounts, which PostgreSQL's may have
def test_as_long_as_there_is_no_account_this_machine_may_everything(api):
    assert api.get("/api/v1/me").json() == {
        "name": "anybody",
        "roles": [{"role": "admin", "namespaces": "*"}],
        "within": None,
    }
    assert api.get("/api/v1/me", headers={"Host": "evil.example.com"}).status_code == 403
    first = api.post("/api/v1/accounts", json={"name": "ada", "roles": [{"role": "viewer"}]})
    assert (first.status_code, "no administrator" in first.json()["detail"]) == (409, True)
