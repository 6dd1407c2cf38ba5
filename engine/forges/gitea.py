"""Gitea and Forgejo: webhooks and commit statuses.

After docs.gitea.com ("Webhooks", API `repoCreateStatus`); forgejo.org has the same, with headers named after Forgejo
beside Gitea's.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from engine.forges.github import PushBody
from engine.forges.interface import CommitStatus, Delivery, ForgeKind, Repository, StatusRequest, StatusState
from engine.forges.wording import cut
from engine.signed_requests import hex_signature, matches, read_json

DESCRIPTION_CHARACTERS_MAX: Final = 255
_NAMES: Final = ("forgejo", "gitea")
_STATES: Final = {
    StatusState.PENDING: "pending",
    StatusState.SUCCESS: "success",
    StatusState.FAILURE: "failure",
    StatusState.STOPPED: "warning",
}


class Gitea:
    """Gitea and Forgejo, as `Forge`."""

    kind = ForgeKind.GITEA

    def is_signed(self, secret: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:  # noqa: ARG002
        """Check `X-Forgejo-Signature` or `X-Gitea-Signature`: hexadecimal digits and nothing before them."""
        return matches(hex_signature(secret, body), _header(headers, "signature"))

    def delivery_id(self, headers: Mapping[str, str]) -> str:
        """Return `X-Forgejo-Delivery` or `X-Gitea-Delivery`."""
        return _header(headers, "delivery")

    def read(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        """Return what the event says."""
        event = _header(headers, "event")
        return Delivery(event, pushes=(read_json(body, PushBody).push(),)) if event == "push" else Delivery(event)

    def api_of(self, scheme: str, host: str) -> str:
        """Return the API of the server."""
        return f"{scheme}://{host}/api/v1"

    def status_request(self, repository: Repository, status: CommitStatus) -> StatusRequest:
        """Return `POST /repos/{owner}/{repo}/statuses/{sha}`."""
        body = {
            "state": _STATES[status.state],
            "description": cut(status.description, DESCRIPTION_CHARACTERS_MAX),
            "context": status.context,
        }
        url = f"{repository.api}/repos/{quote(repository.path)}/statuses/{status.commit}"
        headers = {"Authorization": f"token {repository.token}", "Accept": "application/json"}
        return StatusRequest(url, headers, body | ({"target_url": status.link} if status.link else {}))


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for forge in _NAMES if (value := headers.get(f"x-{forge}-{name}", ""))), "")
