"""Events as people read them: a line each, and many of them in one e-mail."""

from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from typing import Any

MAILTO = "mailto:"


def recipients(url: str) -> tuple[str, ...]:
    """Return the addresses of a `mailto:` URL (RFC 6068, without its headers); none for any other URL."""
    if not url.startswith(MAILTO):
        return ()
    return tuple(address.strip() for address in url.removeprefix(MAILTO).split(",") if address.strip())


def line(payload: Mapping[str, Any]) -> str:
    """Return one line: what happened, of what, and why."""
    data = payload["data"]
    workflow = f"{data['namespace']}/{data['workflow']}" if data.get("workflow") else ""
    of = " of ".join(str(part) for part in (workflow, data.get("source")) if part)
    said = (data.get("state") or data.get("outcome"), data.get("reason"), data.get("message"))
    why = ", ".join(dict.fromkeys(str(part) for part in said if part))
    run = f" (run {data['run']})" if data.get("run") else ""
    words = f"{payload['type']} {of}".strip() + (f": {why}" if why else "") + run
    return " ".join(words.split())


def mail(payloads: Sequence[Mapping[str, Any]], sender: str, to: tuple[str, ...]) -> EmailMessage:
    """Return one e-mail (RFC 5322) of some events, the oldest first."""
    first = line(payloads[0])
    message = EmailMessage()
    message["Subject"] = (first if len(payloads) == 1 else f"{len(payloads)} events: {first}")[:200]
    message["From"] = sender
    message["To"] = ", ".join(to)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answer is wanted
    message.set_content("".join(f"{each['timestamp']}  {line(each)}\n" for each in payloads))
    return message
