"""Writes the audit log: what several requests have to say at once goes into one transaction."""

import logging
import threading
from collections import deque

from engine.store.audit import AuditRow, append
from engine.store.database import Database
from engine.store.errors import StoreError

log = logging.getLogger(__name__)


class AuditLog:
    """The audit log of a process. Every method may be called from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._writing = threading.Lock()
        self._waiting: deque[AuditRow] = deque()

    def note(self, row: AuditRow) -> None:
        """Write a row; it is written when this returns. What the database does not take goes to the process's log."""
        self._waiting.append(row)
        with self._writing:
            rows = [self._waiting.popleft() for _ in range(len(self._waiting))]
            if rows:  # else whoever held the lock has written it
                self._write(rows)

    def _write(self, rows: list[AuditRow]) -> None:
        try:
            with self._database.write() as connection:
                append(connection, rows)
        except StoreError as error:
            log.error("%d rows of the audit log cannot be written: %s", len(rows), error)
            for row in rows:
                log.error("audit: %s", row)
