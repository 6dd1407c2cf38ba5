"""Whole files into a container and out of it: what earlier tasks left, and what the attempt leaves."""

import io
import posixpath
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final

from workers.artifacts import ArtifactsError, Limits, matcher
from workers.runners.container.archive import DIRECTORY, HANDED
from workers.runners.container.client import EngineClient

_WILD: Final = frozenset("*?")


def put_handed(engine: EngineClient, name: str, handed: Path) -> None:
    """Copy what earlier tasks left to `HANDED`, readable for any user inside."""
    with TemporaryFile(dir=handed.parent) as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            archive.add(handed, arcname=posixpath.basename(HANDED), filter=_readable)
        file.seek(0)
        engine.put(name, DIRECTORY, file)


def put_tree(engine: EngineClient, name: str, workdir: str, tree: IO[bytes]) -> None:
    """Unpack the source tree in the container's working directory, which any user inside may write to."""
    place, folder = posixpath.split(posixpath.normpath(workdir))
    if folder:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o777
            archive.addfile(info)
        engine.put(name, place, buffer.getvalue())
    engine.put(name, workdir, tree)


def copy_left(engine: EngineClient, name: str, patterns: Sequence[str], target: Path, limits: Limits) -> None:
    """Copy the plain files that the patterns match to `target`, under their names there.

    Names are relative to the container's working directory; a pattern from the root names files by their whole path.
    Raises `ArtifactsError`.
    """
    workdir = engine.workdir(name)
    count = total = 0
    for pattern in patterns:
        regex = matcher(pattern.lstrip("/"))
        for path, size, content in _files(engine, name, workdir, pattern):
            if not regex.fullmatch(path):
                continue
            count, total = count + 1, total + size
            if count > limits.files_max or total > limits.bytes_max:
                raise ArtifactsError(f"more than {limits.files_max} artifacts, or {limits.bytes_max} bytes in all")
            _write(target / path, content)


def _files(engine: EngineClient, name: str, workdir: str, pattern: str) -> Iterator[tuple[str, int, IO[bytes]]]:
    """Give name, size and content of the plain files where the pattern can match."""
    if ".." in pattern.split("/"):
        return
    start = _start(pattern.removeprefix("./"))
    place = posixpath.normpath(posixpath.join(workdir, start))
    if place == "/":
        raise ArtifactsError(f"'{pattern}' would search the whole container\n  hint: set workdir, or name a folder")
    chunks = engine.archive(name, place)
    if chunks is None:
        return
    # An archive of `/a/b` has the names `b/…`; of a directory, also one that ends in a dot, those within it.
    folder = posixpath.dirname(start.strip("/"))
    with tarfile.open(fileobj=io.BufferedReader(_Chunks(chunks)), mode="r|") as archive:
        for member in archive:
            inner = member.name if start else member.name.partition("/")[2]
            content = archive.extractfile(member) if member.isreg() else None
            if content is not None and inner and ".." not in inner.split("/"):
                yield posixpath.join(folder, inner), member.size, content


def _start(pattern: str) -> str:
    """Return the part of the pattern before the first folder or name with a wildcard; empty where that is the first."""
    fixed = []
    for part in pattern.rstrip("/").split("/"):
        if _WILD & set(part):
            break
        fixed.append(part)
    return "/".join(fixed)


def _write(path: Path, content: IO[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        while piece := content.read(1024 * 1024):
            file.write(piece)


def _readable(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.mode = 0o755 if info.isdir() else 0o644
    return info


class _Chunks(io.RawIOBase):
    """Chunks of bytes as a file."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        if not self._rest:
            self._rest = next(self._chunks, b"")
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
