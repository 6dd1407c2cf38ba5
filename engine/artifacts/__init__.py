"""The store of artifacts, which is opened when it is first needed: its library costs memory and a moment."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from engine.artifacts.kept import CHECKOUTS, ArtifactError, Kept

if TYPE_CHECKING:
    from engine.artifacts.store import ArtifactStore

__all__ = ["CHECKOUTS", "ArtifactError", "Artifacts", "Kept"]


class Artifacts:
    """The store at a directory or `s3://bucket/prefix`; an empty address stands for none. Any thread may call."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._store: ArtifactStore | None = None

    @property
    def untouched(self) -> bool:
        """Whether nothing was ever kept here."""
        return not self._url or ("://" not in self._url and not Path(self._url).exists())

    def open(self) -> "ArtifactStore":
        """Return the store. Raises `ArtifactError`."""
        from engine.artifacts.store import ArtifactStore  # noqa: PLC0415 - as above

        if not self._url:
            raise ArtifactError("there is no store of artifacts here\n  hint: set CHRONOVERSE_ARTIFACTS_URL")
        with self._lock:
            if self._store is None:
                self._store = ArtifactStore(self._url)
            return self._store
