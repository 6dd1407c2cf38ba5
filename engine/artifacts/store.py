"""Where artifacts are kept: a directory, or any store that speaks S3.

The content of a file is kept under its SHA-256 in its run's part of the store, so the same file twice is kept once,
and everything of a run can go together with it.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from engine.artifacts.kept import ArtifactError, Kept

CHUNK_BYTES: Final = 1024 * 1024


class ArtifactStore:
    """One store. Any thread may call."""

    def __init__(self, url: str) -> None:
        """Open a directory (a path, made if it is not there) or `s3://bucket/prefix`. Raises `ArtifactError`.

        Address and credentials of S3 come from the usual variables (`AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID`, …); an
        address without TLS needs `AWS_ALLOW_HTTP=true`.
        """
        self._url = url
        try:
            self._store: ObjectStore = from_url(url) if "://" in url else _directory(url)
        except (BaseError, OSError, ValueError) as error:
            raise self._failed("cannot be opened", error) from error

    def keep(self, run_id: str, path: Path) -> Kept:
        """Keep a file's content. Raises `ArtifactError`, and `OSError` if the file cannot be read."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
            kept = Kept(run_id, size, digest)
            file.seek(0)
            try:
                if not self._has(kept):
                    obstore.put(self._store, _key(kept), file)
            except (BaseError, OSError) as error:
                raise self._failed(f"does not take {path.name}", error) from error
        return kept

    def read(self, kept: Kept) -> Iterator[bytes]:
        """Give the content in pieces. Raises `ArtifactError`, also at the end if it is not what was kept."""
        digest = hashlib.sha256()
        try:
            for piece in obstore.get(self._store, _key(kept)).stream(min_chunk_size=CHUNK_BYTES):
                data = bytes(piece)
                digest.update(data)
                yield data
        except (BaseError, OSError) as error:
            raise self._failed(f"does not give {_key(kept)}", error) from error
        if digest.hexdigest() != kept.sha256:
            raise ArtifactError(f"artifact {_key(kept)} was changed in {self._url}")

    def runs(self) -> list[str]:
        """Return the runs of which something is kept. Raises `ArtifactError`."""
        try:
            found = obstore.list_with_delimiter(self._store)
        except (BaseError, OSError) as error:
            raise self._failed("does not say what it holds", error) from error
        return [prefix.rstrip("/") for prefix in found["common_prefixes"]]

    def kept_before(self, run_id: str, moment: datetime) -> list[str]:
        """Return the SHA-256 of what was last put there for a run before that moment. Raises `ArtifactError`."""
        try:
            found = [entry for listed in obstore.list(self._store, prefix=run_id) for entry in listed]
        except (BaseError, OSError) as error:
            raise self._failed("does not say what it holds", error) from error
        return [entry["path"].rpartition("/")[2] for entry in found if entry["last_modified"] < moment]

    def forget_one(self, run_id: str, sha256: str) -> None:
        """Delete one content of a run, if it is there. Raises `ArtifactError`."""
        try:
            obstore.delete(self._store, _key(Kept(run_id, 0, sha256)))
        except FileNotFoundError:
            pass
        except (BaseError, OSError) as error:
            raise self._failed(f"does not forget {sha256}", error) from error

    def forget(self, run_id: str) -> int:
        """Delete all that is kept of a run; return how many files. Raises `ArtifactError`."""
        count = 0
        try:
            for listed in obstore.list(self._store, prefix=run_id):
                paths = [entry["path"] for entry in listed]
                obstore.delete(self._store, paths)
                count += len(paths)
        except (BaseError, OSError) as error:
            raise self._failed(f"does not forget run {run_id}", error) from error
        return count

    def _has(self, kept: Kept) -> bool:
        try:
            return obstore.head(self._store, _key(kept))["size"] == kept.size
        except FileNotFoundError:
            return False

    def _failed(self, what: str, error: Exception) -> ArtifactError:
        reason = str(error).strip().splitlines()[0][:300]
        return ArtifactError(
            f"the store of artifacts {self._url} {what}: {reason}\n  hint: look at CHRONOVERSE_ARTIFACTS_URL"
        )


def _key(kept: Kept) -> str:
    return f"{kept.run_id}/{kept.sha256}"


def _directory(path: str) -> LocalStore:
    return LocalStore(path, mkdir=True, automatic_cleanup=True)
