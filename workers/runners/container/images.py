"""Pulling images: each at most once at a time, however many attempts want it."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from workers.runners.container.client import EngineClient
from workers.runners.interface import Attempt, RunnerError, StopToken


class PullStoppedError(RunnerError):
    """The attempt was stopped, or its time was up, while its image was pulled."""


@dataclass(slots=True)
class _Pull:
    lock: threading.Lock = field(default_factory=threading.Lock)
    done: int = 0


class Images:
    """The host's images. Any thread may call."""

    def __init__(self, engine: EngineClient) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._pulls: dict[str, _Pull] = {}

    def fetch(self, image: str) -> None:
        """Pull the image unless it is here. Raises `RunnerError`."""
        if not self._engine.has_image(image):
            self._pull(image, None, None, None)

    def pull(self, attempt: Attempt, stop: StopToken) -> None:
        """Pull the attempt's image. Raises `RunnerError`, among it `PullStoppedError`."""
        self._pull(str(attempt.spec["image"]), credentials(attempt.spec), attempt, stop)

    def _pull(
        self, image: str, auth: Mapping[str, str] | None, attempt: Attempt | None, stop: StopToken | None
    ) -> None:
        with self._lock:
            pull = self._pulls.setdefault(image, _Pull())
            seen = pull.done
        with pull.lock:
            if pull.done > seen:
                return  # somebody pulled it while we waited for our turn
            for _ in self._engine.pull(image, auth):
                if stop is not None and stop.requested:
                    raise PullStoppedError("stopped while its image was pulled")
                if attempt is not None and attempt.remaining_seconds() == 0:
                    raise PullStoppedError("its time was up while its image was pulled")
            pull.done += 1


def credentials(spec: Mapping[str, Any]) -> dict[str, str] | None:
    """Return how to sign in to the registry: `registry` is `user:password`, or a JSON object of the two.

    Raises `RunnerError`, whose message shows nothing of it.
    """
    given = spec.get("registry")
    if not given:
        return None
    text = str(given).strip()
    if text.startswith("{"):
        return _from_json(text)
    user, colon, password = text.partition(":")
    if not colon:
        raise RunnerError("the registry's secret is neither user:password nor a JSON object with username and password")
    return {"username": user, "password": password}


def _from_json(text: str) -> dict[str, str]:
    try:
        pair = msgspec.json.decode(text, type=dict[str, str])
        return {"username": pair["username"], "password": pair["password"]}
    except (msgspec.DecodeError, KeyError):
        raise RunnerError("the registry's secret is no JSON object with username and password") from None
