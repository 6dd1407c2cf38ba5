"""A server that speaks S3: moto's, in an environment of its own, since it wants other versions than we do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.services import state
from tests.services.errors import ServiceUnavailableError

VARIABLE = "CHRONOVERSE_TEST_MOTO_SERVER"
REQUIREMENTS = Path(__file__).with_name("s3-requirements.txt")
HOME = state.ROOT / "moto"
SECONDS_MAX = 600


def program() -> str:
    """Give the server's program: the one the variable names, else ours, which is installed on the first call.

    Raises:
        ServiceUnavailableError: The variable names nothing that runs, or the installation failed.
    """
    if given := os.environ.get(VARIABLE):
        if shutil.which(given) is None:
            raise ServiceUnavailableError(f"{VARIABLE}={given} is no program")
        return given
    with state.locked():
        installed = HOME / "installed"
        if not installed.exists() or installed.read_bytes() != REQUIREMENTS.read_bytes():
            _install()
            installed.write_bytes(REQUIREMENTS.read_bytes())
    return str(HOME / "bin" / "moto_server")


def _install() -> None:
    shutil.rmtree(HOME, ignore_errors=True)
    _run(sys.executable, "-m", "venv", "--without-pip", str(HOME))
    python = str(HOME / "bin" / "python")
    if uv := shutil.which("uv"):
        _run(uv, "pip", "install", "--quiet", "--python", python, "-r", str(REQUIREMENTS))
    else:
        base = shutil.which("pip3") or "pip"
        _run(base, "--python", python, "install", "--quiet", "--disable-pip-version-check", "-r", str(REQUIREMENTS))


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServiceUnavailableError(f"the S3 server cannot be installed: {error}") from error
    if done.returncode:
        raise ServiceUnavailableError(f"the S3 server cannot be installed: {done.stderr.strip()[-500:]}")
