"""Debian packages of the services, installed without starting the system's own instances."""

import contextlib
import functools
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.services.errors import ServiceUnavailableError

# invoke-rc.d asks this script before it starts a service; 101 forbids it (deb-systemd-invoke does the same).
POLICY = Path("/usr/sbin/policy-rc.d")
FORBID = "#!/bin/sh\nexit 101\n"
SECONDS_MAX = 900


def install(packages: Sequence[str]) -> None:
    """Install the packages.

    Raises:
        ServiceUnavailableError: This is not root on a Debian, or apt failed.
    """
    names = " ".join(packages)
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise ServiceUnavailableError(f"not installed: {names}; hint: install it, or run as root where there is apt")
    with _nothing_started():
        _update()
        _apt("install", "--yes", "--no-install-recommends", *packages)


@contextlib.contextmanager
def _nothing_started() -> Iterator[None]:
    """Keep packages from starting system services, and put the policy back as it was."""
    before = (POLICY.read_bytes(), POLICY.stat().st_mode) if POLICY.exists() else None
    POLICY.write_text(FORBID)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        if before is None:
            POLICY.unlink()
        else:
            POLICY.write_bytes(before[0])
            POLICY.chmod(before[1])


@functools.cache  # once is enough for every service that a command installs
def _update() -> None:
    _apt("update")


def _apt(*arguments: str) -> None:
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", *arguments]
    done = subprocess.run(
        command,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-5:])
        raise ServiceUnavailableError(f"{' '.join(command)} exited with {done.returncode}:\n{tail}")
