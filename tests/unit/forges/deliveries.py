"""Webhook requests as each forge documents them: made and signed as the forge does it."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

from engine.forges import ForgeKind

COMMIT = "c0ffee" + "0" * 33 + "1"
NONE = "0" * 40
SIGNING_TOKEN = "whsec_" + base64.b64encode(b"a key of GitLab's own, 32 bytes.").decode()
NOW = 1_780_000_000


@dataclass(frozen=True)
class Request:
    headers: dict[str, str]
    body: bytes


def digest(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def github(
    secret: str, ref: str = "refs/heads/main", commit: str = COMMIT, delivery: str = "d-1", **more: Any
) -> Request:
    body = {
        "ref": ref,
        "before": "a" * 40,
        "after": commit,
        "deleted": commit == NONE,
        "repository": {"full_name": "octo/flows", "default_branch": "main", "private": False},
        "commits": [],
        "head_commit": None
        if commit == NONE
        else {"id": commit, "message": "Load twice\n\nbecause", "author": {"name": "Ada", "email": "ada@example.com"}},
        **more,
    }
    return signed(ForgeKind.GITHUB, secret, body, delivery=delivery)


def gitlab(secret: str, ref: str = "refs/heads/main", commit: str = COMMIT) -> Request:
    body = {
        "object_kind": "push",
        "ref": ref,
        "after": commit,
        "checkout_sha": commit,
        "project": {"path_with_namespace": "octo/team/flows", "default_branch": "main"},
        "commits": [
            {"id": commit, "message": "Load twice\n", "author": {"name": "Ada", "email": "ada@example.com"}},
        ],
    }
    return signed(ForgeKind.GITLAB, secret, body)


def gitea(secret: str, ref: str = "refs/heads/main", commit: str = COMMIT) -> Request:
    request = github(secret, ref, commit)
    return signed(ForgeKind.GITEA, secret, json.loads(request.body))


def bitbucket(secret: str, ref: str = "refs/heads/main", commit: str = COMMIT) -> Request:
    _, folder, name = ref.split("/", 2)
    end = {
        "type": {"heads": "branch", "tags": "tag"}[folder],
        "name": name,
        "target": {"hash": commit, "message": "Load twice\n", "author": {"raw": "Ada <ada@example.com>"}},
    }
    gone = commit == NONE
    change = {"old": end if gone else None, "new": None if gone else end, "closed": gone, "created": not gone}
    return signed(ForgeKind.BITBUCKET, secret, {"push": {"changes": [change]}, "repository": {"name": "flows"}})


PUSHES = {
    ForgeKind.GITHUB: github,
    ForgeKind.GITLAB: gitlab,
    ForgeKind.GITEA: gitea,
    ForgeKind.BITBUCKET: bitbucket,
}


def signed(kind: ForgeKind, secret: str, body: Any, event: str = "", delivery: str = "d-1") -> Request:
    """Sign a body (bytes, or what JSON is made of)."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    match kind:
        case ForgeKind.GITHUB:
            headers = {
                "X-GitHub-Event": event or "push",
                "X-GitHub-Delivery": delivery,
                "X-Hub-Signature-256": f"sha256={digest(secret, data)}",
            }
        case ForgeKind.GITLAB:
            headers = {"X-Gitlab-Event": event or "Push Hook", "X-Gitlab-Event-UUID": delivery}
            headers |= gitlab_signature(secret, data, delivery)
        case ForgeKind.GITEA:
            headers = {
                "X-Gitea-Event": event or "push",
                "X-Gitea-Delivery": delivery,
                "X-Gitea-Signature": digest(secret, data),
            }
        case ForgeKind.BITBUCKET:
            headers = {
                "X-Event-Key": event or "repo:push",
                "X-Request-UUID": delivery,
                "X-Hub-Signature": f"sha256={digest(secret, data)}",
            }
    return Request({"Content-Type": "application/json", **headers}, data)


def gitlab_signature(secret: str, data: bytes, delivery: str, at: int = NOW) -> dict[str, str]:
    if not secret.startswith("whsec_"):
        return {"X-Gitlab-Token": secret}
    key = base64.b64decode(secret.removeprefix("whsec_"))
    made = base64.b64encode(hmac.new(key, f"{delivery}.{at}.".encode() + data, hashlib.sha256).digest()).decode()
    return {"webhook-id": delivery, "webhook-timestamp": str(at), "webhook-signature": f"v1,{made} v1a,other"}
