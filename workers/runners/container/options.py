"""What a container is created with: the task's wishes, and the limits that hold for all."""

import re
from collections.abc import Mapping
from typing import Any

from docker.types import DeviceRequest, LogConfig, Mount

from workers.config import WorkerConfig
from workers.runners.container.archive import DIRECTORY, HANDED, OUTPUT, SCRIPT, WORK
from workers.runners.container.client import texts
from workers.runners.interface import HANDED_VARIABLE, Attempt, RunnerError
from workers.runners.scripts import shell_argv

LABEL = "io.chronoverse."
CLAIM_LABEL = LABEL + "claim"
NOWHERE = "/dev/null"
"""Where outputs go that nobody declared: copying into and out of a container costs some 50 ms each."""
PIDS_DEFAULT: int = 1024
CPU_NANO: int = 1_000_000_000


def container_name(attempt: Attempt) -> str:
    """Return the container's name: the same for the same claim, and for no other."""
    task_run, _, number = attempt.name.rpartition(":")
    return re.sub(r"[^A-Za-z0-9_.-]", "_", f"cv-{task_run}-{number}-{attempt.claim_id}")


def wants_files(attempt: Attempt) -> bool:
    """Return whether files must be copied into the container before it starts."""
    brings = attempt.handed is not None or attempt.tree is not None
    return "script" in attempt.spec or bool(attempt.outputs or attempt.leaves) or brings


def worker_labels(config: WorkerConfig) -> dict[str, str]:
    """Return the labels that all containers of this worker have."""
    return {LABEL + "installation": config.installation, LABEL + "worker": config.worker_id}


def options(attempt: Attempt, config: WorkerConfig) -> dict[str, Any]:
    """Return what the container is to do."""
    spec = attempt.spec
    chosen: dict[str, Any] = {
        "environment": {
            "CHRONOVERSE_RUN_ID": attempt.run_id,
            "CHRONOVERSE_ATTEMPT": str(attempt.number),
            **({} if attempt.handed is None else {HANDED_VARIABLE: HANDED}),
            **attempt.env,
            "CHRONOVERSE_OUTPUT": OUTPUT if attempt.outputs else NOWHERE,
        },
        "labels": {**worker_labels(config), LABEL + "attempt": attempt.name, CLAIM_LABEL: attempt.claim_id},
        "use_config_proxy": False,
    }
    if attempt.tree is not None:
        chosen["working_dir"] = WORK
    chosen |= {key: spec[name] for key, name in (("user", "user"), ("working_dir", "workdir")) if spec.get(name)}
    return chosen | _command(spec)


def limits(attempt: Attempt, config: WorkerConfig, *, init: bool) -> dict[str, Any]:
    """Return what the container may take and reach."""
    spec = attempt.spec
    resources = spec.get("resources") or {}
    memory = int(resources.get("memory_bytes") or config.container_memory_bytes)
    chosen: dict[str, Any] = {
        "cap_drop": ["ALL"],
        "cap_add": texts(spec.get("cap_add")),
        "security_opt": ["no-new-privileges"],
        "pids_limit": int(resources.get("pids") or PIDS_DEFAULT),
        "mem_limit": memory,
        "memswap_limit": memory,
        "read_only": bool(spec.get("read_only")),
        "tmpfs": dict.fromkeys(texts(spec.get("tmpfs")), ""),
        "network_mode": _network(spec, config),
        "log_config": LogConfig(type="json-file", config={"max-size": "64m", "max-file": "2"}),
        "init": init,
    }
    if resources.get("cpus"):
        chosen["nano_cpus"] = int(float(resources["cpus"]) * CPU_NANO)
    if resources.get("gpus"):
        chosen["device_requests"] = [DeviceRequest(count=int(resources["gpus"]), capabilities=[["gpu"]])]
    if chosen["read_only"] and wants_files(attempt):  # files can be copied only into what is not read-only
        chosen["mounts"] = [Mount(target=DIRECTORY, source=None, type="volume")]
    return chosen


def _command(spec: Mapping[str, Any]) -> dict[str, Any]:
    args = texts(spec.get("args"))
    if "script" in spec:
        program, *rest = shell_argv(spec.get("shell", "bash"), SCRIPT)
        return {"entrypoint": [program], "command": [*rest, *args]}
    chosen: dict[str, Any] = {}
    if spec.get("entrypoint"):
        chosen["entrypoint"] = texts(spec["entrypoint"])
    if command := [*texts(spec.get("command")), *args]:
        chosen["command"] = command
    return chosen


def _network(spec: Mapping[str, Any], config: WorkerConfig) -> str:
    wanted = str(spec.get("network") or config.docker_network or "bridge")
    if wanted != config.docker_network and (wanted == "host" or wanted.startswith("container:")):
        raise RunnerError(f"the network '{wanted}' would put the task inside another's network\n  hint: name a network")
    return wanted
