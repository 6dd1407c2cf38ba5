"""The audit log."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from api.schemas.base import Answer

if TYPE_CHECKING:  # the command line reads these types, and must not load the store for them
    from engine.store.audit import AuditRow


class AuditEntry(Answer, frozen=True, kw_only=True):
    """One request that may change something. `status` is what was answered."""

    id: str
    at: datetime
    who: str
    operation: str
    method: str
    path: str
    address: str
    agent: str
    status: int

    @classmethod
    def of(cls, row: "AuditRow") -> Self:
        """Return the entry of a row."""
        return cls(**{name: getattr(row, name) for name in cls.__struct_fields__})


class AuditPage(Answer, frozen=True, kw_only=True):
    """Requests, newest first."""

    items: list[AuditEntry]
    next: str | None
