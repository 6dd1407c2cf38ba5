"""Fetches images ahead of time when the engine asks for it, and takes the stops that go to a whole pool."""

import logging
import threading
from collections.abc import Mapping

from engine.broker.interface import HEARTBEATS, Broadcasts, Broker, BrokerError
from engine.broker.messages import Prepare, Prepared, Stop, UnknownVersionError, UnreadableMessageError, decode, encode
from workers.config import WorkerConfig
from workers.held import Held
from workers.runners.interface import Preparing, Runner, RunnerError

log = logging.getLogger(__name__)

LOOK_SECONDS: float = 5.0


class Preparation:
    """Listens to the broadcasts of its pools; each `Prepare` is served by a thread of its own."""

    def __init__(self, broker: Broker, config: WorkerConfig, runners: Mapping[str, Runner], held: Held) -> None:
        self._broker = broker
        self._config = config
        self._preparing = next((it for it in runners.values() if isinstance(it, Preparing)), None)
        self._held = held
        self._broadcasts: Broadcasts | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="preparation", daemon=True)

    def start(self) -> None:
        """Subscribe and listen."""
        self._broadcasts = self._broker.broadcasts(self._config.pools)
        self._thread.start()

    def close(self) -> None:
        """End the subscription. Pulls under way go on in the Docker engine. Idempotent."""
        self._closed = True
        if self._broadcasts is not None:
            self._broadcasts.close()
            self._thread.join()

    def _work(self) -> None:
        assert self._broadcasts is not None
        while not self._closed:
            body = self._broadcasts.get(LOOK_SECONDS)
            if body is not None:
                self._take(body)

    def _take(self, body: bytes) -> None:
        try:
            message = decode(body)
        except (UnknownVersionError, UnreadableMessageError) as error:
            log.warning("a broadcast was dropped: %s", error)
            return
        match message:
            case Prepare():
                threading.Thread(target=self._prepare, args=(message,), name="prepare", daemon=True).start()
            case Stop():
                self._held.stop(message.claim_id, message.reason, force=message.force)
            case _:
                log.warning("a broadcast was dropped: %s is none", type(message).__name__)

    def _prepare(self, message: Prepare) -> None:
        for image in message.images:
            if self._closed:
                return
            answer = Prepared(
                worker=self._config.worker_id,
                revision_id=message.revision_id,
                image=image,
                error=self._fetch(image),
            )
            try:
                self._broker.publish(HEARTBEATS, [encode(answer)])
            except BrokerError as error:
                log.warning("that %s is ready could not be said: %s", image, error)

    def _fetch(self, image: str) -> str:
        if self._preparing is None:
            return "this worker has no Docker engine"
        try:
            self._preparing.prepare(image)
        except RunnerError as error:
            return str(error)
        return ""
