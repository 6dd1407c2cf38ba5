"""What a notice says: a JSON document, which chat services understand too, and an e-mail."""

from email.message import EmailMessage
from typing import Any


def sentence(payload: dict[str, Any]) -> str:
    """Return one line for people."""
    workflow, run = payload["workflow"], payload["run"]
    name = f"{workflow['namespace']}/{workflow['name']}"
    match payload["event"]:
        case "paused":
            return f"{name}: paused: {payload['message']}"
        case "recovered":
            return f"{name}: recovered (run {run['id']})"
        case event:
            why = f": {run['message']}" if run["message"] else ""
            return f"{name}: {event}{why} (run {run['id']})"


def webhook_body(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the document that is posted. `text` is what Slack, Mattermost and Rocket.Chat show, `content` Discord."""
    text = sentence(payload)
    return {"text": text, "content": text, **payload}


def mail(payload: dict[str, Any], sender: str, to: tuple[str, ...]) -> EmailMessage:
    """Return the e-mail (RFC 5322)."""
    run = payload["run"]
    message = EmailMessage()
    message["Subject"] = " ".join(sentence(payload).split())[:200]
    message["From"] = sender
    message["To"] = ", ".join(to)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answer is wanted
    lines = [
        sentence(payload),
        "",
        f"state:    {run['state']}" + (f" ({run['reason']})" if run["reason"] else ""),
        f"created:  {run['created_at']}",
        f"finished: {run['finished_at']}",
        f"show it:  chronoverse runs show {run['id']}",
    ]
    message.set_content("\n".join(lines) + "\n")
    return message
