"""A signed POST to a webhook: the headers and the signature of Standard Webhooks (standardwebhooks.com)."""

import base64
import hashlib
import hmac
import ipaddress
import socket
from typing import Final
from urllib.parse import urlsplit

from engine.services.courier.failures import NotTakenError, UndeliverableError

TIMEOUT_SECONDS: Final = 10.0
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what every secret begins with
METADATA: Final = frozenset(("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16"))


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return `webhook-signature` of Standard Webhooks 1.0: HMAC-SHA-256 over `id.timestamp.body`, in base64."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"


def refused_address(text: str) -> str:
    """Return why nothing is sent to an address, or an empty text."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if str(address) in METADATA or address.is_link_local:
        return "where machines of clouds keep their credentials"
    return "not the address of one host" if address.is_unspecified or address.is_multicast else ""


def post(url: str, headers: dict[str, str], body: bytes) -> None:
    """Post a body; any answer of 2xx is a success, redirects are not followed.

    The address is looked up once, checked, and connected to: what the name leads to later does not count.
    """
    import httpx  # noqa: PLC0415 - it costs 5 MB, and many send nothing

    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        address = str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise NotTakenError(f"{host}: {error}") from error
    if why := refused_address(address):
        raise UndeliverableError(f"{host} is at {address}, {why}: nothing is sent there")
    try:
        target = httpx.URL(url).copy_with(host=address)
        given = {**headers, "Host": parts.netloc.rpartition("@")[2]}
        with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            answer = client.post(target, content=body, headers=given, extensions={"sni_hostname": host})
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:
        raise UndeliverableError(f"its URL is none that can be posted to: {error}") from error
    except httpx.HTTPError as error:
        raise NotTakenError(str(error) or type(error).__name__) from error
    if not answer.is_success:
        raise NotTakenError(f"the receiver answered {answer.status_code}")
