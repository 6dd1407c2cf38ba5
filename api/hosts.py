"""Who may ask, as long as there is no account: this machine's own programs, and pages of this very server.

A page elsewhere could name this server by a name of its own (DNS rebinding) or send a form to it; so the Host header
must be a loopback name, and an Origin that comes with a request that changes something must be the server itself.
Webhooks come from elsewhere, by whatever name a proxy goes: each is signed, so they may.
"""

import ipaddress
import re
from typing import Final

from litestar.types import HTTPScope, Send

from api.problems import FORBIDDEN_ORIGIN, MEDIA_TYPE, encoded

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_SIGNED: Final = re.compile(r"/api/v1/(?:hooks/[^/]+/[^/]+/[^/]+|sources/[^/]+/hook)")
"""Paths whose POST takes nothing that is not signed."""


def is_loopback(name: str) -> bool:
    """Whether a host name or address (without port) is this machine's own."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def is_signed_path(method: str, path: str) -> bool:
    """Whether a request is for a webhook, which checks for itself who sends it."""
    return method == "POST" and _SIGNED.fullmatch(path) is not None


async def refuse_strangers(scope: HTTPScope, send: Send) -> bool:
    """Answer a request that was not meant for this machine's own server with a problem; return whether it was one."""
    refusal = _refusal(scope)
    if not refusal:
        return False
    body = encoded(FORBIDDEN_ORIGIN, refusal, scope["path"])
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": FORBIDDEN_ORIGIN.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
    return True


def _refusal(scope: HTTPScope) -> str:
    if is_signed_path(scope["method"], scope["path"]):
        return ""
    headers = {name: value.decode("latin-1") for name, value in scope["headers"] if name in (b"host", b"origin")}
    host, origin = headers.get(b"host", ""), headers.get(b"origin")
    if not is_loopback(_name(host)):
        return f"the Host {host!r} is not this machine's own name\n  hint: use http://localhost or http://127.0.0.1"
    if origin is not None and scope["method"] not in SAFE_METHODS and origin != f"{scope['scheme']}://{host}":
        return f"the Origin {origin!r} is not this server\n  hint: send changes from a page of http://{host}"
    return ""


def _name(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0][1:]
    return host.partition(":")[0].lower()
