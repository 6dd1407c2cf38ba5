"""The Compose tool that is here, as a plug-in of docker or as a program of its own."""

import shutil
import subprocess

from tests.services.git import ensure

PROGRAM = "docker-compose"


def tool() -> list[str]:
    """Return the command, installed where it is missing. Raises `ServiceUnavailableError`."""
    docker = shutil.which("docker")
    if docker is not None:
        asked = subprocess.run([docker, "compose", "version"], check=False, capture_output=True)
        if asked.returncode == 0:
            return [docker, "compose"]
    return [ensure(PROGRAM, PROGRAM)]
