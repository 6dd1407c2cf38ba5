"""Delivers events to webhooks, at least once: tried again with growing pauses, given up in the end, kept for a replay.

`webhook-id` is the same at each try, so that a receiver can leave out what it has had.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Final

import msgspec

from engine.clock import Clock, NewId, new_id, system_clock
from engine.keyring import Keyring, KeyringError
from engine.services.courier.failures import NotTakenError, UndeliverableError
from engine.services.courier.mail import MailError, MailSettings, send_mail
from engine.services.service import LoopService
from engine.services.webhooks.letters import line, mail, recipients
from engine.services.webhooks.posting import post, signature
from engine.services.webhooks.registry import KEY_PLACE
from engine.store.database import Database
from engine.store.webhooks import (
    DeliveryRow,
    WebhookRow,
    due_deliveries,
    hand_out,
    list_webhooks,
    note_delivered,
    note_refused,
)

log = logging.getLogger(__name__)

TURN_SECONDS: Final = 1.0
IDLE_SECONDS: Final = 5.0
"""How often is looked whether there is a webhook; the first one waits so long at most."""
BITE: Final = 50
DIGEST: Final = timedelta(minutes=1)
"""How long an e-mail waits for what else happens: a flood of events is an e-mail a minute."""
DELAYS: Final = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 3600, 3600 * 6, 3600 * 16))
"""How long after each failed try the next one is; after the last it is given up, a day after the first."""

Post = Callable[[str, dict[str, str], bytes], None]
"""Posts a body to a URL. Raises `UndeliverableError`, `NotTakenError`."""
Mail = Callable[[MailSettings, EmailMessage], None]
"""Hands an e-mail over. Raises `MailError`."""


class WebhookCourier(LoopService):
    """The loop that hands events to webhooks and delivers them. One process at a time is at it."""

    name = "webhook-courier"

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        *,
        mail_settings: MailSettings | None = None,
        send: Post = post,
        send_mail: Mail = send_mail,
        clock: Clock = system_clock,
        ids: NewId = new_id,
    ) -> None:
        super().__init__()
        self._database = database
        self._keyring = keyring
        self._mail_settings = mail_settings or MailSettings()
        self._send = send
        self._send_mail = send_mail
        self._clock = clock
        self._ids = ids
        self._known: list[WebhookRow] = []

    def turn(self) -> None:
        """Deliver what is due, and rest."""
        if self.deliver() == 0:
            self.pause(TURN_SECONDS if self._known else IDLE_SECONDS)

    def deliver(self) -> int:
        """Hand out what happened and try what is due; return how many deliveries were tried."""
        with self._database.read() as connection:
            self._known = list_webhooks(connection)
        if not self._known:
            return 0
        with self._database.exclusive(self.name) as mine:
            return sum(self._serve(webhook) for webhook in self._known) if mine else 0

    def _serve(self, webhook: WebhookRow) -> int:
        more = True
        while more and not self.stopping:
            with self._database.write() as connection:
                more = hand_out(connection, webhook.name, self._clock(), self._ids)
        with self._database.read() as connection:
            due = due_deliveries(connection, webhook.name, self._clock(), BITE)
        tried = 0
        for together in self._letters(webhook, due):
            if self.stopping:
                break
            tried += len(together)
            if not self._try(webhook, together):
                break  # a receiver that is away is asked once a turn: the others must not wait for it
        return tried

    def _letters(self, webhook: WebhookRow, due: Sequence[DeliveryRow]) -> list[Sequence[DeliveryRow]]:
        """Return what goes out together: each event by itself, or all that an e-mail has waited for."""
        if not recipients(webhook.url):
            return [[delivery] for delivery in due]
        ripe = due and min(delivery.created_at for delivery in due) <= self._clock() - DIGEST
        return [due] if ripe else []

    def _try(self, webhook: WebhookRow, together: Sequence[DeliveryRow]) -> bool:
        """Try some deliveries at once; return whether they were taken."""
        error, final = "", False
        try:
            self._carry(webhook, together)
        except (UndeliverableError, KeyringError) as failed:
            error, final = str(failed), True
        except (NotTakenError, MailError) as failed:
            error = str(failed)
        except Exception as failed:  # whatever it is, one delivery must not hold up all others
            log.exception("a delivery to webhook %s failed", webhook.name)
            error = f"{type(failed).__name__}: {failed}"
        now = self._clock()
        with self._database.write() as connection:
            for delivery in together:
                if error:
                    note_refused(connection, delivery.id, error, None if final else _again(delivery, now))
                else:
                    note_delivered(connection, delivery.id, now)
        if error:
            log.warning("%d deliveries to webhook %s were not taken: %s", len(together), webhook.name, error)
        return not error

    def _carry(self, webhook: WebhookRow, together: Sequence[DeliveryRow]) -> None:
        if to := recipients(webhook.url):
            payloads = [delivery.payload for delivery in together]
            self._send_mail(self._mail_settings, mail(payloads, self._mail_settings.sender, to))
            return
        for delivery in together:
            self._post(webhook, delivery)

    def _post(self, webhook: WebhookRow, delivery: DeliveryRow) -> None:
        secret = self._keyring.open(webhook.sealed, KEY_PLACE, webhook.name)
        text = line(delivery.payload)  # `text` is what Slack, Mattermost and Rocket.Chat show, `content` Discord
        body = msgspec.json.encode({**delivery.payload, "text": text, "content": text})
        timestamp = int(self._clock().timestamp())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": delivery.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(secret, delivery.id, timestamp, body),
        }
        self._send(webhook.url, headers, body)


def _again(delivery: DeliveryRow, now: datetime) -> datetime | None:
    return now + DELAYS[delivery.attempts] if delivery.attempts < len(DELAYS) else None
