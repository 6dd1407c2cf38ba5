"""What a response must be, and how a task is told that it was not."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from workers.runners.conditions import ConditionError, holds
from workers.runners.requests import Response

EXCERPT_CHARACTERS_MAX: int = 200


def unmet(response: Response, expect: Mapping[str, Any], now: datetime) -> str:
    """Return why the response is not what was expected, or an empty text."""
    checks = (
        _status(response, expect.get("status")),
        _body(response, expect.get("body")),
        _json(response, expect.get("json")),
        _latency(response, expect.get("max_latency_seconds")),
        _certificate(response, expect.get("tls_valid_for_seconds"), now),
    )
    return next((why for why in checks if why), "")


def _status(response: Response, wanted: Sequence[int] | None) -> str:
    fine = response.status in wanted if wanted else 200 <= response.status < 300
    if fine:
        return ""
    expected = " or ".join(str(status) for status in wanted) if wanted else "200 to 299"
    return f"the status is {response.status} {response.reason}, expected {expected}{_excerpt(response)}"


def _body(response: Response, wanted: str | None) -> str:
    if not wanted or wanted in response.text:
        return ""
    return f"the body does not contain {wanted!r}{_excerpt(response)}"


def _json(response: Response, condition: str | None) -> str:
    if not condition:
        return ""
    try:
        if holds(condition, _members(response)):
            return ""
    except ConditionError as error:
        return f"`{condition}` cannot be told of the response: {error}{_excerpt(response)}"
    return f"`{condition}` is not true of the response{_excerpt(response)}"


def _members(response: Response) -> dict[str, Any]:
    """Return what a condition may name; `json` only if the body is that."""
    members: dict[str, Any] = {
        "status": response.status,
        "headers": response.headers,
        "body": response.text,
        "latency_ms": float(response.latency_ms),
    }
    try:
        members["json"] = response.json()
    except ValueError:
        return members
    return members


def _latency(response: Response, seconds_max: float | None) -> str:
    if seconds_max is None or response.latency_ms <= seconds_max * 1000:
        return ""
    return f"the response took {response.latency_ms} ms, expected at most {seconds_max * 1000:g} ms"


def _certificate(response: Response, seconds: float | None, now: datetime) -> str:
    if seconds is None:
        return ""
    ends_at = response.certificate_ends_at
    if ends_at is None:
        return "there is no certificate: the connection was not made with TLS"
    if ends_at - now >= timedelta(seconds=seconds):
        return ""
    return f"the certificate ends at {ends_at.isoformat()}, in less than {timedelta(seconds=seconds)}"


def _excerpt(response: Response) -> str:
    text = " ".join(response.text[: EXCERPT_CHARACTERS_MAX * 2].split())
    if len(text) > EXCERPT_CHARACTERS_MAX:
        text = text[:EXCERPT_CHARACTERS_MAX] + "…"
    return f"; it begins: {text}" if text else "; it has no body"
