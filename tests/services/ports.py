"""Free ports on loopback, below the range the kernel gives to outgoing connections."""

import random
import socket
import threading

FIRST, LAST = 15_000, 30_000
ATTEMPTS_MAX = 200

_handed_out: set[int] = set()
_guard = threading.Lock()
_chance = random.SystemRandom()


def free_port() -> int:
    """Give a port nobody listens on, never the same one twice in this process."""
    with _guard:
        for _ in range(ATTEMPTS_MAX):
            port = _chance.randrange(FIRST, LAST)
            if port not in _handed_out and _can_bind(port):
                _handed_out.add(port)
                return port
    raise RuntimeError(f"no free port found between {FIRST} and {LAST} in {ATTEMPTS_MAX} attempts")


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
