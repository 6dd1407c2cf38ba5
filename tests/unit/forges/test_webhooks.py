"""Each forge's webhooks as it documents them: whose they are, which delivery, and what they say."""

import dataclasses

import pytest

from engine.forges import FORGES, ForgeKind
from engine.forges.interface import Delivery, Push
from engine.signed_requests import BodyError, lowered
from tests.unit.forges.deliveries import (
    COMMIT,
    NONE,
    NOW,
    PUSHES,
    SIGNING_TOKEN,
    Request,
    bitbucket,
    digest,
    github,
    gitlab,
    signed,
)

SECRET = "it is a secret to everybody"
KINDS = list(ForgeKind)


def is_signed(kind: ForgeKind, request: Request, secret: str = SECRET, now: float = NOW) -> bool:
    return FORGES[kind].is_signed(secret, lowered(request.headers), request.body, now)


def read(kind: ForgeKind, request: Request) -> Delivery:
    return FORGES[kind].read(lowered(request.headers), request.body)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_signed_with_the_secret_is_taken_and_nothing_else(kind: ForgeKind) -> None:
    request = PUSHES[kind](SECRET)
    assert is_signed(kind, request)
    assert not is_signed(kind, PUSHES[kind]("guess"))
    assert not is_signed(kind, dataclasses.replace(request, headers={}))
    for odd in ("", "sha256=", "ä", "sha256=" + "\udcff"):
        headers = {
            name: odd if "ignature" in name or "Token" in name else value for name, value in request.headers.items()
        }
        assert not is_signed(kind, dataclasses.replace(request, headers=headers))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not ForgeKind.GITLAB])
def test_a_body_that_was_changed_is_not_signed(kind: ForgeKind) -> None:
    request = PUSHES[kind](SECRET)
    assert not is_signed(kind, dataclasses.replace(request, body=request.body + b" "))


def test_gitlabs_signing_token_signs_the_body_and_the_time() -> None:
    request = gitlab(SIGNING_TOKEN)
    kind = ForgeKind.GITLAB
    assert is_signed(kind, request, SIGNING_TOKEN)
    assert is_signed(kind, request, SIGNING_TOKEN, NOW + 290)
    assert not is_signed(kind, request, SIGNING_TOKEN, NOW + 310)
    assert not is_signed(kind, dataclasses.replace(request, body=request.body + b" "), SIGNING_TOKEN)
    named = request.headers | {"webhook-id": "another"}
    assert not is_signed(kind, dataclasses.replace(request, headers=named), SIGNING_TOKEN)
    token = {"X-Gitlab-Token": SIGNING_TOKEN, "X-Gitlab-Event": "Push Hook"}
    assert not is_signed(kind, dataclasses.replace(request, headers=token), SIGNING_TOKEN)
    assert not is_signed(kind, gitlab(SIGNING_TOKEN), "whsec_?")


def test_forgejos_headers_are_taken_too() -> None:
    body = b"{}"
    headers = {"X-Forgejo-Signature": digest(SECRET, body), "X-Forgejo-Delivery": "d-9", "X-Forgejo-Event": "create"}
    request = Request(headers, body)
    assert is_signed(ForgeKind.GITEA, request)
    assert FORGES[ForgeKind.GITEA].delivery_id(lowered(headers)) == "d-9"
    assert read(ForgeKind.GITEA, request) == Delivery("create")


@pytest.mark.parametrize("kind", KINDS)
def test_a_push_names_its_reference_and_its_commit(kind: ForgeKind) -> None:
    [push] = read(kind, PUSHES[kind](SECRET)).pushes
    assert (push.ref, push.commit) == ("refs/heads/main", COMMIT)
    assert (push.title, push.author) == ("Load twice", "Ada <ada@example.com>")
    assert push.default_branch == ("" if kind is ForgeKind.BITBUCKET else "main")
    assert FORGES[kind].delivery_id(lowered(PUSHES[kind](SECRET).headers)) == "d-1"


@pytest.mark.parametrize("kind", KINDS)
def test_a_branch_that_was_deleted_has_no_commit(kind: ForgeKind) -> None:
    assert [push.commit for push in read(kind, PUSHES[kind](SECRET, commit=NONE)).pushes] == [None]


@pytest.mark.parametrize("kind", KINDS)
def test_a_tags_commit_is_not_told(kind: ForgeKind) -> None:
    [push] = read(kind, PUSHES[kind](SECRET, ref="refs/tags/v1.2")).pushes
    assert (push.ref, push.commit) == ("refs/tags/v1.2", None)


def test_a_push_of_bitbucket_may_move_several_references() -> None:
    one = {"type": "branch", "name": "a/b", "target": {"hash": COMMIT}}
    body = {"push": {"changes": [{"new": one, "old": None}, {"new": None, "old": one}, {"new": None, "old": None}]}}
    found = read(ForgeKind.BITBUCKET, signed(ForgeKind.BITBUCKET, SECRET, body))
    assert found.pushes == (Push("refs/heads/a/b", COMMIT), Push("refs/heads/a/b", None))


def test_bitbuckets_data_center_is_read() -> None:
    changes = [{"ref": {"id": "refs/heads/main", "type": "BRANCH"}, "toHash": COMMIT, "type": "UPDATE"}]
    request = signed(ForgeKind.BITBUCKET, SECRET, {"changes": changes}, event="repo:refs_changed")
    assert read(ForgeKind.BITBUCKET, request).pushes == (Push("refs/heads/main", COMMIT),)


def test_pings_and_other_events_are_told_apart() -> None:
    assert read(ForgeKind.GITHUB, signed(ForgeKind.GITHUB, SECRET, {"zen": "x"}, event="ping")).ping
    assert read(ForgeKind.BITBUCKET, signed(ForgeKind.BITBUCKET, SECRET, {"test": True}, event="diagnostics:ping")).ping
    assert read(ForgeKind.GITLAB, signed(ForgeKind.GITLAB, SECRET, {}, event="Note Hook")) == Delivery("Note Hook")


def test_githubs_form_is_read() -> None:
    data = b"payload=" + b"%7B%22ref%22%3A%22refs%2Fheads%2Fmain%22%7D"
    headers = {"X-GitHub-Event": "push", "Content-Type": "application/x-www-form-urlencoded"}
    assert read(ForgeKind.GITHUB, Request(headers, data)).pushes == (Push("refs/heads/main", None),)
    for bad in (b"", b"other=1", b"\xff", b"&".join([b"a=1"] * 20)):
        with pytest.raises(BodyError, match="payload"):
            read(ForgeKind.GITHUB, Request(headers, bad))


BROKEN = {
    "empty": b"",
    "no JSON": b"hello",
    "not UTF-8": b'{"ref": "\xff\xfe"}',
    "NaN": b'{"ref": NaN}',
    "deep": b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a list": b"[]",
    "other fields": b'{"push": 1, "ref": 1, "changes": {}}',
    "null": b'{"ref": null, "push": null}',
    "lone surrogate": b'{"ref": "\\ud800", "push": "\\ud800"}',
    "cut off": b'{"ref": "refs/heads/ma',
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN.keys())
def test_a_body_that_cannot_be_read_is_named_and_nothing_breaks(kind: ForgeKind, body: bytes) -> None:
    with pytest.raises(BodyError, match="body: "):
        read(kind, signed(kind, SECRET, body))


def test_fields_that_are_not_read_may_be_whatever_they_are() -> None:
    assert read(ForgeKind.GITHUB, github(SECRET, extra=[1e300, None, "\0"])).pushes[0].commit == COMMIT
    odd = bitbucket(SECRET, commit="not a name")
    assert read(ForgeKind.BITBUCKET, odd).pushes[0].commit is None
