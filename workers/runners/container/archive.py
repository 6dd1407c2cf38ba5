"""What goes into a container and comes out of it, as tar archives: bind mounts would need the host."""

import io
import tarfile
from typing import Final

from workers.outputs import OutputError

DIRECTORY: Final = "/chronoverse"
SCRIPT: Final = DIRECTORY + "/script"
OUTPUT: Final = DIRECTORY + "/output"
HANDED: Final = DIRECTORY + "/artifacts"
WORK: Final = DIRECTORY + "/work"


def files_in(script: str | None, place: str) -> bytes:
    """Return the archive of the script and the empty file for outputs, usable by any user inside.

    It is for unpacking in `place`: `/`, or `DIRECTORY` where that is there already.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        if place != DIRECTORY:
            directory = tarfile.TarInfo(_within(place, DIRECTORY))
            directory.type, directory.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(directory)
        if script is not None:
            _add(archive, _within(place, SCRIPT), script.encode(), 0o755)
        _add(archive, _within(place, OUTPUT), b"", 0o666)
    return buffer.getvalue()


def file_out(data: bytes, bytes_max: int) -> bytes:
    """Return the content of the one file in the archive. Raises `OutputError` if it is none."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            member = archive.next()
            if member is None or not member.isfile():
                raise OutputError("CHRONOVERSE_OUTPUT is not a file any more")
            if member.size > bytes_max:
                raise OutputError(f"the outputs are larger than {bytes_max // 1024} KiB")
            content = archive.extractfile(member)
            return content.read() if content is not None else b""
    except tarfile.TarError as error:
        raise OutputError(f"the outputs came out of the container damaged: {error}") from error


def _within(place: str, path: str) -> str:
    return path.removeprefix(place).strip("/")


def _add(archive: tarfile.TarFile, path: str, content: bytes, mode: int) -> None:
    info = tarfile.TarInfo(path)
    info.size, info.mode = len(content), mode
    archive.addfile(info, io.BytesIO(content))
