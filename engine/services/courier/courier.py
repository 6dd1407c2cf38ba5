"""The loop that sends notices. One process at a time sends; a notice may go out twice, never be lost."""

import logging
import re
import threading
from datetime import datetime, timedelta
from typing import Any, Final

from dsl.expressions import ABSENT, ExpressionError, Field, Lookup, split_template
from dsl.model import Notification
from engine.clock import Clock, system_clock
from engine.services.courier.failures import NotTakenError, UndeliverableError
from engine.services.courier.mail import MailError, MailSettings, send_mail
from engine.services.courier.messages import mail
from engine.services.revision_cache import RevisionCache
from engine.services.secrets import Secrets
from engine.services.service import LoopService
from engine.store.database import Database
from engine.store.notices import NoticeRow, due_notices, next_due, note_failed, note_sent

log = logging.getLogger(__name__)

TURN_SECONDS: Final = 10.0
BITE: Final = 50
DELAYS: Final = tuple(
    timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 3600, 3600 * 3, 3600 * 6, 3600 * 12)
)
"""How long after each failed try the next one is; after the last the notice is given up, a day after the first."""


_SECRET: Final = re.compile(r"(?<![\w.])secrets\.([A-Za-z_]\w*)")


class Courier(LoopService):
    """Sends what is due, and looks again when told, when the next one is due, or every ten seconds."""

    name = "courier"

    def __init__(
        self,
        database: Database,
        *,
        mail_settings: MailSettings | None = None,
        secrets: Secrets | None = None,
        clock: Clock = system_clock,
    ) -> None:
        super().__init__()
        self._database = database
        self._mail = mail_settings or MailSettings()
        self._secrets = secrets
        self._clock = clock
        self._revisions = RevisionCache(database)
        self._told = threading.Event()

    def wake(self) -> None:
        """Look at once: there is a new notice."""
        self._told.set()

    def send_due(self) -> int:
        """Send what is due, if no other process is at it; return how many notices were tried."""
        with self._database.exclusive("courier") as mine:
            if not mine:
                return 0
            with self._database.read() as connection:
                due = due_notices(connection, self._clock(), BITE)
            for notice in due:
                self._try(notice)
            return len(due)

    def interrupt(self) -> None:
        """Make a waiting turn return."""
        self.wake()

    def turn(self) -> None:
        """Send what is due, and wait for more."""
        if self.send_due() == BITE:
            return
        with self._database.read() as connection:
            moment = next_due(connection)
        patience = TURN_SECONDS if moment is None else (moment - self._clock()).total_seconds()
        self._told.wait(min(max(patience, 0.0), TURN_SECONDS))
        self._told.clear()

    def _try(self, notice: NoticeRow) -> None:
        try:
            self._send(notice)
            error, again = "", None
        except UndeliverableError as undeliverable:
            error, again = str(undeliverable), None
        except (NotTakenError, MailError, OSError) as failed:
            error, again = str(failed) or type(failed).__name__, self._again(notice)
        except Exception as failed:  # whatever it is, one notice must not hold up all others
            log.exception("notice %d could not be made", notice.id)
            error, again = f"it could not be made: {failed}", self._again(notice)
        with self._database.write() as connection:
            if error:
                log.warning("notice %d (%s of run %s) was not sent: %s", notice.id, notice.event, notice.run_id, error)
                note_failed(connection, notice.id, error, again)
            else:
                note_sent(connection, notice.id, self._clock())

    def _again(self, notice: NoticeRow) -> datetime | None:
        return self._clock() + DELAYS[notice.attempts] if notice.attempts < len(DELAYS) else None

    def _send(self, notice: NoticeRow) -> None:
        graph = self._revisions.get(notice.revision_id).graph
        notification = graph.workflow.notify[notice.position]
        if notification.email_to:
            send_mail(self._mail, mail(notice.payload, self._mail.sender, notification.email_to))
            return
        lookup = self._lookup(notice, graph.workflow.namespace, notification)
        try:
            url = graph.evaluator.resolve(Field.NOTIFY, notification.url, lookup)
            headers = graph.evaluator.resolve(Field.NOTIFY, notification.headers, lookup)
        except ExpressionError as error:
            raise UndeliverableError(f"its address cannot be worked out: {error}") from error
        from engine.services.courier.webhook import post  # noqa: PLC0415 - httpx costs 5 MB, and many send nothing

        post(str(url), {name: str(value) for name, value in headers.items()}, notice)

    def _lookup(self, notice: NoticeRow, namespace: str, notification: Notification) -> Lookup:
        """Return the look-up of what was told of the run, and of the secrets that the notification names."""
        names = _secret_names(notification.url) | _secret_names(notification.headers)
        values: dict[str, str] = {}
        if names:
            found = self._secrets.read(namespace, names) if self._secrets is not None else None
            if found is None or found.faults:
                faults = "; ".join(found.faults.values()) if found else "there is no key for secrets here"
                raise UndeliverableError(faults)
            values = found.values
        roots = {**notice.payload, "inputs": notice.payload["run"]["inputs"], "secrets": values}

        def lookup(name: str) -> Any:
            value: Any = roots
            for part in name.split("."):
                if not isinstance(value, dict) or part not in value:
                    return ABSENT
                value = value[part]
            return value

        return lookup


def _secret_names(value: Any) -> set[str]:
    """Return the secrets that the expressions in a template name."""
    texts = [value] if isinstance(value, str) else list(value.values()) if isinstance(value, dict) else []
    parts = [part for text in texts if isinstance(text, str) for part in split_template(text)]
    return {name for part in parts if part.expression for name in _SECRET.findall(part.text)}
