"""GitHub: webhooks and commit statuses.

After docs.github.com: "Webhook events and payloads", "REST API endpoints for commit statuses" (version 2022-11-28).
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs, quote

import msgspec

from engine.forges.interface import CommitStatus, Delivery, ForgeKind, Push, Repository, StatusRequest, StatusState
from engine.forges.wording import commit_or_none, cut, person, title_of
from engine.signed_requests import BodyError, hex_signature, matches, read_json

DESCRIPTION_CHARACTERS_MAX: Final = 140
_STATES: Final = {
    StatusState.PENDING: "pending",
    StatusState.SUCCESS: "success",
    StatusState.FAILURE: "failure",
    StatusState.STOPPED: "error",
}
_FORM: Final = "application/x-www-form-urlencoded"


class _Person(msgspec.Struct):
    name: str = ""
    email: str | None = ""


class _Commit(msgspec.Struct):
    message: str = ""
    author: _Person = msgspec.field(default_factory=_Person)


class _Repository(msgspec.Struct):
    default_branch: str | None = ""


class PushBody(msgspec.Struct):
    """The event `push`, as far as it is read here; Gitea's has the same fields."""

    ref: str
    after: str | None = None
    head_commit: _Commit | None = None
    repository: _Repository = msgspec.field(default_factory=_Repository)

    def push(self) -> Push:
        """Return what it says. A tag may be an object of its own: its commit is not told."""
        head = self.head_commit or _Commit()
        return Push(
            ref=self.ref,
            commit=commit_or_none(self.after) if self.ref.startswith("refs/heads/") else None,
            title=title_of(head.message),
            author=person(head.author.name, head.author.email or "") if head.author.name else "",
            default_branch=self.repository.default_branch or "",
        )


class GitHub:
    """GitHub, as `Forge`."""

    kind = ForgeKind.GITHUB

    def is_signed(self, secret: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:  # noqa: ARG002
        """Check `X-Hub-Signature-256`; the older SHA-1 is not looked at."""
        return matches(f"sha256={hex_signature(secret, body)}", headers.get("x-hub-signature-256", ""))

    def delivery_id(self, headers: Mapping[str, str]) -> str:
        """Return `X-GitHub-Delivery`."""
        return headers.get("x-github-delivery", "")

    def read(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        """Return what the event says; the body is JSON, or the field `payload` of a form."""
        event = headers.get("x-github-event", "")
        if event != "push":
            return Delivery(event, ping=event == "ping")
        if headers.get("content-type", "").startswith(_FORM):
            body = _payload(body)
        return Delivery(event, pushes=(read_json(body, PushBody).push(),))

    def api_of(self, scheme: str, host: str) -> str:
        """Return the API of github.com, or of a GitHub Enterprise Server."""
        return "https://api.github.com" if host == "github.com" else f"{scheme}://{host}/api/v3"

    def status_request(self, repository: Repository, status: CommitStatus) -> StatusRequest:
        """Return `POST /repos/{owner}/{repo}/statuses/{sha}`."""
        body = {
            "state": _STATES[status.state],
            "description": cut(status.description, DESCRIPTION_CHARACTERS_MAX),
            "context": status.context,
        }
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {repository.token}",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        url = f"{repository.api}/repos/{quote(repository.path)}/statuses/{status.commit}"
        return StatusRequest(url, headers, body | ({"target_url": status.link} if status.link else {}))


def _payload(body: bytes) -> bytes:
    try:
        return parse_qs(body.decode("ascii"), strict_parsing=True, max_num_fields=10)["payload"][0].encode()
    except (ValueError, KeyError, UnicodeError):
        raise BodyError("body: the form has no field 'payload'\n  hint: application/json does well, too") from None
