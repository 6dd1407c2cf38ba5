"""E-mail by SMTP (RFC 5321), with STARTTLS or TLS from the start."""

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Final
from urllib.parse import unquote, urlsplit

TIMEOUT_SECONDS: Final = 20.0


class MailError(Exception):
    """An e-mail could not be handed over."""


@dataclass(frozen=True, slots=True)
class MailSettings:
    """Where e-mails are handed over. `url`: `smtp://[user:password@]host[:port]`, or `smtps://`; empty: nowhere."""

    url: str = ""
    sender: str = "chronoverse@localhost"


def send_mail(settings: MailSettings, message: EmailMessage) -> None:
    """Hand the e-mail over. Raises `MailError`."""
    if not settings.url:
        raise MailError("no mail server is set; hint: CHRONOVERSE_SMTP_URL=smtp://user:password@host:587")
    try:
        _send(settings.url, message)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise MailError(f"the mail server did not take it: {error}") from error


def _send(url: str, message: EmailMessage) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise ValueError("CHRONOVERSE_SMTP_URL is not smtp://host or smtps://host")
    context = ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            parts.hostname, parts.port or 465, timeout=TIMEOUT_SECONDS, context=context
        )
    else:
        server = smtplib.SMTP(parts.hostname, parts.port or 587, timeout=TIMEOUT_SECONDS)
    with server:
        if parts.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls(context=context)
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.send_message(message)
