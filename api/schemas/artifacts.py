"""Files that attempts left."""

from datetime import datetime
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from api.schemas.base import Answer

if TYPE_CHECKING:  # the command line reads these types, and must not load the store for them
    from engine.store.artifacts import ArtifactRow


class Artifact(Answer, frozen=True, kw_only=True):
    """One file. `run` is the run whose attempt left it: an earlier one where its result was taken over.

    `size` is in bytes; `path` is where it can be had, below the API's address.
    """

    task: str
    key: str
    attempt: int
    name: str
    size: int
    sha256: str
    run: str
    path: str
    created_at: datetime

    @classmethod
    def of(cls, row: "ArtifactRow", run_id: str) -> Self:
        """Return the file of a row, as one of that run."""
        query = f"?attempt={row.place.attempt}" + (f"&key={quote(row.key, safe='')}" if row.key else "")
        return cls(
            task=row.task,
            key=row.key,
            attempt=row.place.attempt,
            name=row.artifact.name,
            size=row.artifact.size,
            sha256=row.artifact.sha256,
            run=row.run_id,
            path=f"/api/v1/runs/{run_id}/artifacts/{quote(row.task)}/{quote(row.artifact.name)}{query}",
            created_at=row.created_at,
        )


class ArtifactPage(Answer, frozen=True, kw_only=True):
    """Files of a run, by task run, attempt and name."""

    items: list[Artifact]
    next: str | None
