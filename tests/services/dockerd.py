"""Docker: an engine of our own without a network, and an image made here from a static busybox."""

import io
import os
import shutil
import socket
import subprocess
import tarfile
from pathlib import Path

import docker
import docker.errors
import requests

from tests.services import processes
from tests.services.errors import ServiceUnavailableError
from tests.services.place import Kind, Place

IMAGE = "chronoverse-test/busybox:1"
IMAGE_ALIAS = "busybox:1.37"
DRIVERS = ("overlay2", "vfs")  # the second works on every file system, slowly
START_SECONDS_MAX = 60.0
ANSWER_SECONDS_MAX = 10
LISTING_SECONDS_MAX = 10
ELF_HEAD_BYTES = 4096


def start(place: Place) -> str:
    """Start an engine with the first storage driver that works here, and give it the image.

    Raises:
        ServiceUnavailableError: This is not root, or no driver works.
    """
    if os.geteuid() != 0:
        raise ServiceUnavailableError(f"dockerd needs root; hint: set {KIND.variable} to an engine that runs")
    url = f"unix://{place.directory}/docker.sock"
    for driver in DRIVERS:
        process = place.launch(_command(place, driver, url))
        try:
            place.wait(lambda: check(url), process, START_SECONDS_MAX)
        except ServiceUnavailableError:
            processes.end([process], place.marker)
            place.drop(process)
            if driver == DRIVERS[-1]:
                raise
        else:
            break
    ensure_image(url)
    return url


def _command(place: Place, driver: str, url: str) -> list[str]:
    home = place.directory
    (home / "daemon.json").write_text("{}\n")  # not the system's
    return [
        shutil.which("dockerd") or "dockerd",
        f"--config-file={home}/daemon.json",
        f"--data-root={home}/data",
        f"--exec-root={home}/exec",
        f"--pidfile={home}/dockerd.pid",
        f"--host={url}",
        f"--storage-driver={driver}",
        "--bridge=none",
        "--iptables=false",
        "--ip6tables=false",
        "--log-level=warn",
    ]


def check(url: str) -> None:
    """Ask the engine for its version.

    Raises:
        ServiceUnavailableError: There is no answer.
    """
    client = None
    try:
        _check_socket(url)
        client = docker.DockerClient(base_url=url, timeout=ANSWER_SECONDS_MAX)
        client.ping()
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise ServiceUnavailableError(f"Docker: {error}") from error
    finally:
        if client is not None:
            client.close()


def _check_socket(url: str) -> None:
    """Try a Unix socket first: the SDK leaves its own open when it cannot connect."""
    if url.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(url.removeprefix("unix://"))


def ensure_image(url: str) -> str:
    """Import the image unless the engine has it, and give its name.

    Raises:
        ServiceUnavailableError: The engine lacks it and there is no busybox to make it from.
    """
    client = docker.DockerClient(base_url=url, timeout=ANSWER_SECONDS_MAX)
    try:
        have = {tag for image in client.images.list() for tag in image.tags}
        if IMAGE not in have:
            name, _, tag = IMAGE.partition(":")
            changes = ['CMD ["sh"]', "ENV PATH=/bin"]
            client.api.import_image_from_data(_root_file_system(), repository=name, tag=tag, changes=changes)
        if IMAGE_ALIAS not in have:
            client.images.get(IMAGE).tag(*IMAGE_ALIAS.split(":"))
    finally:
        client.close()
    return IMAGE


def _root_file_system() -> bytes:
    """Make a tar of /bin with busybox and a link for each of its applets, an account, and /tmp."""
    busybox = _busybox()
    if busybox is None:
        raise ServiceUnavailableError("no busybox to make the test image from; hint: install busybox-static")
    listing = subprocess.run(
        [busybox, "--list"], capture_output=True, text=True, timeout=LISTING_SECONDS_MAX, check=True
    )
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for name, mode in (("bin", 0o755), ("etc", 0o755), ("root", 0o700), ("tmp", 0o1777)):
            _add(archive, name, mode=mode, kind=tarfile.DIRTYPE)
        _add(archive, "bin/busybox", mode=0o755, content=busybox.read_bytes())
        for applet in sorted(set(listing.stdout.split()) - {"busybox"}):
            _add(archive, f"bin/{applet}", mode=0o777, kind=tarfile.SYMTYPE, target="busybox")
        _add(archive, "etc/passwd", mode=0o644, content=b"root:x:0:0:root:/root:/bin/sh\n")
        _add(archive, "etc/group", mode=0o644, content=b"root:x:0:\n")
    return sink.getvalue()


def _add(
    archive: tarfile.TarFile,
    name: str,
    *,
    mode: int,
    kind: bytes = tarfile.REGTYPE,
    content: bytes = b"",
    target: str = "",
) -> None:
    entry = tarfile.TarInfo(name)
    entry.mode, entry.type, entry.size, entry.linkname = mode, kind, len(content), target
    archive.addfile(entry, io.BytesIO(content))


def _busybox() -> Path | None:
    """Find a busybox that needs no library; a dynamic one names its loader at the file's head (elf(5), PT_INTERP)."""
    found = shutil.which("busybox")
    if found is None:
        return None
    with Path(found).open("rb") as program:
        return None if b"/ld-" in program.read(ELF_HEAD_BYTES) else Path(found)


KIND = Kind(
    name="docker",
    variable="CHRONOVERSE_TEST_DOCKER_URL",
    packages=("docker.io", "busybox-static"),
    installed=lambda: shutil.which("dockerd") is not None and _busybox() is not None,
    check=check,
    start=start,
)
