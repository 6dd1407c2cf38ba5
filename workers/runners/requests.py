"""One HTTP request for a task, and its bounded response."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ssl import cert_time_to_seconds
from typing import Any

import httpx
import msgspec

from engine.telemetry.context import TRACEPARENT, of_environment
from workers.config import WorkerConfig
from workers.runners.addresses import AddressRefusedError
from workers.runners.interface import Attempt, Result, StopToken
from workers.runners.transport import CONNECT_SECONDS, Call, GuardedTransport, calling

REDIRECTS_MAX: int = 20
SILENCE_SECONDS_MAX: float = 300.0
USER_AGENT = "chronoverse"


class RequestError(Exception):
    """No response was had; the message says why, for the task's author."""


@dataclass(frozen=True, slots=True)
class Response:
    """What came back. `latency_ms` counts from the sending to the last byte of the body."""

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes
    encoding: str
    latency_ms: int
    certificate_ends_at: datetime | None

    @property
    def text(self) -> str:
        """The body as text; what does not decode is replaced."""
        return self.body.decode(self.encoding, "replace")

    def json(self) -> Any:
        """Return the body read as JSON. Raises `ValueError`."""
        return msgspec.json.decode(self.body)


class Requests:
    """Sends requests over pooled connections: one pool that checks certificates and one that does not."""

    def __init__(self, config: WorkerConfig) -> None:
        self._body_bytes_max = config.http_body_bytes_max
        self._clients = {
            verify: httpx.Client(
                transport=GuardedTransport(verify_tls=verify, deny_private=config.deny_private_addresses),
                timeout=httpx.Timeout(SILENCE_SECONDS_MAX, connect=CONNECT_SECONDS),
                headers={"user-agent": USER_AGENT},
                max_redirects=REDIRECTS_MAX,
                trust_env=False,
            )
            for verify in (True, False)
        }

    def send(self, attempt: Attempt, stop: StopToken) -> Response | Result:
        """Send what the attempt's spec says.

        Return the response, or the attempt's result if it was stopped or timed out. Raises `RequestError`.
        """
        call = Call(attempt.deadline)
        try:
            with stop.calling(call.cut), calling(call):
                return self._send(attempt.spec, of_environment(attempt.env))
        except AddressRefusedError as error:
            raise RequestError(str(error)) from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, OSError, UnicodeError) as error:
            if stop.requested:
                return stop.outcome(attempt.grace_seconds)
            if attempt.remaining_seconds() == 0:
                return attempt.timed_out()
            raise RequestError(f"{_METHODS.get(type(error), 'the request failed')}: {error}") from error

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            client.close()

    def _send(self, spec: Mapping[str, Any], trace: Mapping[str, str]) -> Response:
        client = self._clients[bool(spec.get("verify_tls", True))]
        started = time.monotonic()
        with client.stream(
            str(spec.get("method", "GET")),
            str(spec["url"]),
            params=_query(spec.get("query")),
            follow_redirects=bool(spec.get("follow_redirects", True)),
            **_content(spec, trace),
        ) as response:
            certificate = _certificate_ends_at(response)
            body = self._body(response)
        return Response(
            status=response.status_code,
            reason=response.reason_phrase,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=body,
            encoding=_encoding(response),
            latency_ms=round((time.monotonic() - started) * 1000),
            certificate_ends_at=certificate,
        )

    def _body(self, response: httpx.Response) -> bytes:
        body = bytearray()
        for part in response.iter_bytes():
            body += part
            if len(body) > self._body_bytes_max:
                raise RequestError(f"the response is larger than {self._body_bytes_max} bytes")
        return bytes(body)


_METHODS = {
    httpx.ConnectTimeout: "no connection in time",
    httpx.ConnectError: "no connection",
    httpx.ReadTimeout: "no answer in time",
    httpx.TooManyRedirects: "too many redirects",
    httpx.InvalidURL: "not a web address",
    httpx.UnsupportedProtocol: "not a web address",
}


def _content(spec: Mapping[str, Any], trace: Mapping[str, str]) -> dict[str, Any]:
    """Return headers and body. The attempt's trace context is among the headers, unless the task gives its own."""
    given = {str(k): _text(v) for k, v in (spec.get("headers") or {}).items()}
    content: dict[str, Any] = {"headers": given if TRACEPARENT in _lower(given) else {**trace, **given}}
    if "json" in spec:
        content["content"] = msgspec.json.encode(spec["json"])
        content["headers"] = {"content-type": "application/json", **_lower(content["headers"])}
    elif "form" in spec:
        content["data"] = {name: _text(value) for name, value in spec["form"].items()}
    elif "body" in spec:
        content["content"] = _text(spec["body"]).encode()
    auth = spec.get("auth") or {}
    if "basic" in auth:
        content["auth"] = httpx.BasicAuth(auth["basic"]["username"], auth["basic"]["password"])
    elif "bearer" in auth:
        content["headers"] = {**_lower(content["headers"]), "authorization": f"Bearer {auth['bearer']}"}
    return content


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _query(query: Mapping[str, Any] | None) -> httpx.QueryParams | None:
    if not query:
        return None
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        values: Sequence[Any] = value if isinstance(value, list) else [value]
        pairs += [(name, _text(one)) for one in values]
    return httpx.QueryParams(tuple(pairs))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _encoding(response: httpx.Response) -> str:
    try:
        "".encode(response.charset_encoding or "utf-8")
    except LookupError:
        return "utf-8"
    return response.charset_encoding or "utf-8"


def _certificate_ends_at(response: httpx.Response) -> datetime | None:
    """Return when the server's certificate ends; None without TLS, or when it is not checked."""
    stream = response.extensions.get("network_stream")
    connection = stream.get_extra_info("ssl_object") if stream is not None else None
    certificate = connection.getpeercert() if connection is not None else None
    if not certificate or "notAfter" not in certificate:
        return None
    return datetime.fromtimestamp(cert_time_to_seconds(certificate["notAfter"]), UTC)
