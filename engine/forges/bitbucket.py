"""Bitbucket: webhooks of Cloud and Data Center, build statuses of Cloud.

After support.atlassian.com ("Event payloads", "Manage webhooks"), developer.atlassian.com ("Commit statuses") and, for
Data Center, confluence.atlassian.com ("Event payload").
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

import msgspec

from engine.forges.interface import CommitStatus, Delivery, ForgeKind, Push, Repository, StatusRequest, StatusState
from engine.forges.wording import commit_or_none, cut, title_of
from engine.signed_requests import hex_signature, matches, read_json

DESCRIPTION_CHARACTERS_MAX: Final = 255
KEY_CHARACTERS_MAX: Final = 40
_CLOUD: Final = "https://api.bitbucket.org/2.0"
_STATES: Final = {
    StatusState.PENDING: "INPROGRESS",
    StatusState.SUCCESS: "SUCCESSFUL",
    StatusState.FAILURE: "FAILED",
    StatusState.STOPPED: "STOPPED",
}
_FOLDERS: Final = {"branch": "heads", "named_branch": "heads", "tag": "tags"}


class _Author(msgspec.Struct):
    raw: str = ""


class _Target(msgspec.Struct):
    hash: str = ""
    message: str | None = ""
    author: _Author = msgspec.field(default_factory=_Author)


class _End(msgspec.Struct):
    type: str
    name: str
    target: _Target = msgspec.field(default_factory=_Target)


class _Change(msgspec.Struct):
    old: _End | None = None
    new: _End | None = None


class _Pushed(msgspec.Struct):
    changes: list[_Change]


class _PushBody(msgspec.Struct):
    push: _Pushed


class _Ref(msgspec.Struct):
    id: str


class _ServerChange(msgspec.Struct, rename="camel"):
    ref: _Ref
    to_hash: str


class _ServerBody(msgspec.Struct):
    changes: list[_ServerChange]


class Bitbucket:
    """Bitbucket, as `Forge`."""

    kind = ForgeKind.BITBUCKET

    def is_signed(self, secret: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:  # noqa: ARG002
        """Check `X-Hub-Signature`, which is HMAC-SHA-256 here."""
        return matches(f"sha256={hex_signature(secret, body)}", headers.get("x-hub-signature", ""))

    def delivery_id(self, headers: Mapping[str, str]) -> str:
        """Return `X-Request-UUID`, or Data Center's `X-Request-Id`."""
        return headers.get("x-request-uuid", "") or headers.get("x-request-id", "")

    def read(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        """Return what the event says: one push may move several references."""
        event = headers.get("x-event-key", "")
        match event:
            case "repo:push":
                changes = read_json(body, _PushBody).push.changes
                return Delivery(event, pushes=tuple(push for change in changes if (push := _push(change))))
            case "repo:refs_changed":
                moved = read_json(body, _ServerBody).changes
                return Delivery(event, pushes=tuple(_server_push(change) for change in moved))
            case _:
                return Delivery(event, ping=event == "diagnostics:ping")

    def api_of(self, scheme: str, host: str) -> str:
        """Return the API of Bitbucket Cloud: Data Center has another, which is not spoken here."""
        return _CLOUD if host == "bitbucket.org" else f"{scheme}://{host}/2.0"

    def status_request(self, repository: Repository, status: CommitStatus) -> StatusRequest:
        """Return `POST /repositories/{workspace}/{repo}/commit/{commit}/statuses/build`; the link is obligatory."""
        body = {
            "key": cut(status.context, KEY_CHARACTERS_MAX),
            "state": _STATES[status.state],
            "name": status.context,
            "description": cut(status.description, DESCRIPTION_CHARACTERS_MAX),
            "url": status.link or f"{repository.web}/commits/{status.commit}",
        }
        url = f"{repository.api}/repositories/{quote(repository.path)}/commit/{status.commit}/statuses/build"
        return StatusRequest(url, {"Authorization": f"Bearer {repository.token}", "Accept": "application/json"}, body)


def _push(change: _Change) -> Push | None:
    end = change.new or change.old
    if end is None:
        return None
    ref = f"refs/{_FOLDERS.get(end.type, end.type)}/{end.name}"
    if change.new is None or end.type == "tag":
        return Push(ref, None)
    return Push(ref, commit_or_none(end.target.hash), title_of(end.target.message or ""), end.target.author.raw[:300])


def _server_push(change: _ServerChange) -> Push:
    return Push(change.ref.id, commit_or_none(change.to_hash) if change.ref.id.startswith("refs/heads/") else None)
