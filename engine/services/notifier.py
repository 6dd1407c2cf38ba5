"""Tells those who follow a run in this process that there is something new. Losing a notice costs a poll."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable


class RunNotifier:
    """Notices by run id, or by another topic. A callback is called in the notifying thread and must not block."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._followers: dict[str, set[Callable[[], None]]] = defaultdict(set)

    def notify(self, run_ids: Iterable[str]) -> None:
        """Call those who follow any of the runs."""
        with self._lock:
            called = {callback for run_id in run_ids for callback in self._followers.get(run_id, ())}
        for callback in called:
            callback()

    def follow(self, run_id: str, callback: Callable[[], None]) -> None:
        """Call `callback` at each notice of the run, until `leave`."""
        with self._lock:
            self._followers[run_id].add(callback)

    def leave(self, run_id: str, callback: Callable[[], None]) -> None:
        """Stop calling `callback`. Idempotent."""
        with self._lock:
            followers = self._followers.get(run_id, set())
            followers.discard(callback)
            if not followers:
                self._followers.pop(run_id, None)
