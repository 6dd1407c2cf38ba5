"""Secrets: names and versions, never values."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from api.schemas.base import Answer, Ask

if TYPE_CHECKING:  # the command line reads these types, and must not load the store for them
    from engine.store.secrets import SecretRow


class Secret(Answer, frozen=True, kw_only=True):
    """A secret without its value. `namespace` is empty for one of the whole installation; `version` counts values."""

    namespace: str
    name: str
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: "SecretRow") -> Self:
        """Return the secret of a row."""
        return cls(
            namespace=row.namespace,
            name=row.name,
            version=row.version,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


class SecretPage(Answer, frozen=True, kw_only=True):
    """Secrets by namespace and name."""

    items: list[Secret]
    next: str | None


class SecretValue(Ask, frozen=True, kw_only=True):
    """A secret's new value: text of up to 64 KiB."""

    value: str

    def __repr__(self) -> str:
        """Show no value, wherever the body may be logged."""
        return "SecretValue(…)"


class Rotated(Answer, frozen=True, kw_only=True):
    """How many secrets were encrypted afresh."""

    rotated: int
