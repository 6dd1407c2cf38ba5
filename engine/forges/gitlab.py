"""GitLab: webhooks and commit statuses.

After docs.gitlab.com: "Webhooks", "Webhook events", "Commits API" (set commit pipeline status). Its signing token
follows the Standard Webhooks specification, 1.0.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

import msgspec

from engine.forges.interface import CommitStatus, Delivery, ForgeKind, Push, Repository, StatusRequest, StatusState
from engine.forges.wording import commit_or_none, cut, person, title_of
from engine.signed_requests import matches, read_json

DESCRIPTION_CHARACTERS_MAX: Final = 255
TOLERANCE_SECONDS: Final = 300.0
_SIGNING: Final = "whsec_"
_TIME: Final = re.compile(r"[0-9]{1,12}")
_PUSHES: Final = frozenset({"Push Hook", "Tag Push Hook"})
_STATES: Final = {
    StatusState.PENDING: "pending",
    StatusState.SUCCESS: "success",
    StatusState.FAILURE: "failed",
    StatusState.STOPPED: "canceled",
}


class _Person(msgspec.Struct):
    name: str = ""
    email: str | None = ""


class _Commit(msgspec.Struct):
    id: str
    message: str = ""
    author: _Person = msgspec.field(default_factory=_Person)


class _Project(msgspec.Struct):
    default_branch: str | None = ""


class _PushBody(msgspec.Struct):
    ref: str
    after: str | None = None
    commits: list[_Commit] = []
    project: _Project = msgspec.field(default_factory=_Project)


class GitLab:
    """GitLab, as `Forge`."""

    kind = ForgeKind.GITLAB

    def is_signed(self, secret: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
        """Check `webhook-signature` where the secret is a signing token (`whsec_…`), else `X-Gitlab-Token`."""
        if not secret.startswith(_SIGNING):
            return matches(secret, headers.get("x-gitlab-token", ""))
        name, time = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        if not _TIME.fullmatch(time) or abs(now - int(time)) > TOLERANCE_SECONDS:
            return False
        wanted = _signature(secret, f"{name}.{time}.".encode("utf-8", "replace") + body)
        return any(matches(wanted, each) for each in headers.get("webhook-signature", "").split(" "))

    def delivery_id(self, headers: Mapping[str, str]) -> str:
        """Return what one sent again has too: `webhook-id`, `Idempotency-Key`, or the event's own name."""
        names = ("webhook-id", "idempotency-key", "x-gitlab-event-uuid")
        return next((value for name in names if (value := headers.get(name, ""))), "")

    def read(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        """Return what the event says."""
        event = headers.get("x-gitlab-event", "")
        if event not in _PUSHES:
            return Delivery(event)
        said = read_json(body, _PushBody)
        head = next((commit for commit in said.commits if commit.id == said.after), _Commit(""))
        push = Push(
            ref=said.ref,
            commit=commit_or_none(said.after) if said.ref.startswith("refs/heads/") else None,
            title=title_of(head.message),
            author=person(head.author.name, head.author.email or "") if head.author.name else "",
            default_branch=said.project.default_branch or "",
        )
        return Delivery(event, pushes=(push,))

    def api_of(self, scheme: str, host: str) -> str:
        """Return the API of the server."""
        return f"{scheme}://{host}/api/v4"

    def status_request(self, repository: Repository, status: CommitStatus) -> StatusRequest:
        """Return `POST /projects/{id}/statuses/{sha}`. GitLab refuses a state that a commit has already."""
        body = {
            "state": _STATES[status.state],
            "description": cut(status.description, DESCRIPTION_CHARACTERS_MAX),
            "name": status.context,
        }
        url = f"{repository.api}/projects/{quote(repository.path, safe='')}/statuses/{status.commit}"
        return StatusRequest(
            url,
            {"PRIVATE-TOKEN": repository.token},
            body | ({"target_url": status.link} if status.link else {}),
            moot=("Cannot transition status",),
        )


def _signature(secret: str, signed: bytes) -> str:
    try:
        key = base64.b64decode(secret.removeprefix(_SIGNING), validate=True)
    except (binascii.Error, ValueError):
        return ""
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
