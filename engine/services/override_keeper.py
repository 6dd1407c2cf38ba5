"""The loop that ends pauses, pins and restored workflows whose time is over. Any number may run."""

import threading
from typing import Final

from engine.services.overrides import Overrides
from engine.services.service import LoopService

LOOK_SECONDS: Final = 5.0
"""How long after its end something holds at most."""


class OverrideKeeper(LoopService):
    """Looks every few seconds."""

    name = "override keeper"

    def __init__(self, overrides: Overrides) -> None:
        super().__init__()
        self._overrides = overrides
        self._woken = threading.Event()

    def turn(self) -> None:
        """End what is over, then wait."""
        self._overrides.end()
        self._woken.wait(LOOK_SECONDS)

    def interrupt(self) -> None:
        """Make a waiting turn return."""
        self._woken.set()
