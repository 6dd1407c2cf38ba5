"""Writes the audit log: what several requests have to say within a moment goes into one transaction."""

import logging
import threading

from engine.store.audit import AuditRow, append
from engine.store.database import Database
from engine.store.errors import StoreError

log = logging.getLogger(__name__)


class AuditLog:
    """The audit log of a process. Every method may be called from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._waiting: list[AuditRow] = []

    def add(self, row: AuditRow) -> bool:
        """Take a row; return whether the caller is to call `write` soon: whoever added before this one is not."""
        with self._lock:
            self._waiting.append(row)
            return len(self._waiting) == 1

    def write(self) -> None:
        """Write what was added. What the database does not take goes to the process's log."""
        with self._lock:
            rows, self._waiting = self._waiting, []
        try:
            with self._database.write() as connection:
                append(connection, rows)
        except StoreError as error:
            log.error("%d rows of the audit log cannot be written: %s", len(rows), error)
            for row in rows:
                log.error("audit: %s", row)
