"""What a worker is told about itself, and the identity that it keeps across restarts."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.clock import NewId, new_id

WORKER_ID_LENGTH_MAX: int = 200
POOL_NAME_LENGTH_MAX: int = 100
"""Longer names are not let in by the engine."""


class WorkerConfigError(ValueError):
    """A worker cannot be set up as configured; the message says what is wrong and what to change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """How one worker behaves.

    Slots are dealt out over the pools in turn, so that there is at least one slot a pool. `kinds` limits what the
    worker offers; None offers every kind whose runner works here. Options of runners that packages add go into
    `runner_options`, by kind.
    """

    worker_id: str
    state_dir: Path
    pools: tuple[str, ...] = ("default",)
    slots: int = 8
    kinds: tuple[str, ...] | None = None
    installation: str = "chronoverse"
    heartbeat_seconds: float = 2.0
    ttl_seconds: float = 7.0
    orphan_seconds: float = 900.0
    ack_hold_seconds: float = 60.0
    claim_repeat_seconds: tuple[float, ...] = (1.0, 2.0, 4.0, 10.0)
    claim_give_up_seconds: float = 600.0
    resend_seconds: float = 5.0
    outstanding_max: int = 1000
    drain_seconds_max: float = 3600.0
    goodbye_wait_seconds: float = 5.0
    sweep_seconds: float = 60.0
    allow_processes: bool = False
    docker_url: str = ""
    docker_network: str = ""
    container_memory_bytes: int = 4 * 1024**3
    deny_private_addresses: bool = False
    inherited_env: tuple[str, ...] = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR")
    log_line_bytes_max: int = 16 * 1024
    log_bytes_max: int = 64 * 1024 * 1024
    log_spool_bytes_max: int = 64 * 1024 * 1024
    log_memory_bytes_max: int = 1024 * 1024
    log_flush_seconds: float = 0.2
    http_body_bytes_max: int = 4 * 1024 * 1024
    artifacts_url: str = ""
    artifact_bytes_max: int = 4 * 1024**3
    checkout_bytes_max: int = 1024**3
    host: str = field(default_factory=platform.node)
    runner_options: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 1 <= len(self.worker_id) <= WORKER_ID_LENGTH_MAX:
            raise WorkerConfigError(
                f"the worker's id has {len(self.worker_id)} characters; it may have 1 to {WORKER_ID_LENGTH_MAX}\n"
                "  hint: remove the file worker-id from its state directory: it is drawn afresh"
            )
        if long := [pool for pool in self.pools if len(pool) > POOL_NAME_LENGTH_MAX]:
            raise WorkerConfigError(
                f"a pool's name has at most {POOL_NAME_LENGTH_MAX} characters: {long[0]}\n"
                "  hint: give CHRONOVERSE_POOLS the names that tasks use"
            )
        if self.slots < len(self.pools):
            raise WorkerConfigError(
                f"{self.slots} slots cannot serve {len(self.pools)} pools\n  hint: give at least one slot a pool"
            )

    @property
    def spool_dir(self) -> Path:
        """Where attempts and results are kept until they are settled."""
        return self.state_dir / "spool"

    @property
    def work_dir(self) -> Path:
        """Where processes get their fresh directories."""
        return self.state_dir / "work"

    @property
    def checkouts_dir(self) -> Path:
        """Where source trees are kept from one attempt to the next."""
        return self.state_dir / "checkouts"

    @property
    def handed_dir(self) -> Path:
        """Where what earlier tasks left is put for attempts."""
        return self.state_dir / "handed"

    def slot_pools(self) -> tuple[str, ...]:
        """Return the pool of each slot."""
        return tuple(self.pools[index % len(self.pools)] for index in range(self.slots))


def stable_worker_id(state_dir: Path, ids: NewId = new_id) -> str:
    """Return the id kept in `state_dir`, made on the first call. Raises `WorkerConfigError` if it cannot be kept."""
    path = state_dir / "worker-id"
    try:
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.exists() and (known := path.read_text(encoding="ascii").strip()):
            return known
        fresh = ids()
        path.write_text(fresh + "\n", encoding="ascii")
    except (OSError, UnicodeError) as error:
        raise WorkerConfigError(
            f"the worker's id cannot be kept in {path}: {error}\n  hint: make the state directory writable"
        ) from error
    return fresh
