"""Kind `container`: a command or a script in a Docker container. The only place that knows Docker."""

import logging
import os
from pathlib import Path

from workers.config import WorkerConfig
from workers.runners.interface import Runner

log = logging.getLogger(__name__)

UNIX = "unix://"
USUAL_SOCKET = Path("/var/run/docker.sock")


def container_runner(config: WorkerConfig) -> Runner | None:
    """Return the runner, or None if no Docker engine answers."""
    url = config.docker_url or os.environ.get("DOCKER_HOST") or f"{UNIX}{USUAL_SOCKET}"
    if url.startswith(UNIX) and not Path(url.removeprefix(UNIX)).exists():
        if config.docker_url:
            log.warning("containers are not offered: there is no %s", url)
        return None
    # Docker's SDK takes a good part of a second to import, which a worker without an engine need not pay.
    from workers.runners.container.client import EngineClient, EngineUnreachableError  # noqa: PLC0415
    from workers.runners.container.runner import ContainerRunner  # noqa: PLC0415

    try:
        return ContainerRunner(EngineClient(config.docker_url, connections=2 * config.slots + 4), config)
    except EngineUnreachableError as error:
        log.warning("containers are not offered: %s", error)
        return None
