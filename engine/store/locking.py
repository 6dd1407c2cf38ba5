"""One process a state directory."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.store.errors import AlreadyRunningError


@contextmanager
def embedded_lock(state_dir: Path) -> Iterator[None]:
    """Hold the state directory while the block runs. Raises `AlreadyRunningError` naming the process that has it.

    The operating system releases the lock when the process dies, however it dies.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    path = state_dir / "lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise AlreadyRunningError(
                f"process {file.read().strip() or '?'} already runs on {state_dir}\n"
                "  hint: stop it, or give this one another directory with --state"
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
