"""Kind `heartbeat`: is an endpoint healthy?

Keeps no log. Outputs are `up` (always true of a success), `status` and `latency_ms`, for uptime figures.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from workers.config import WorkerConfig
from workers.runners.expectations import unmet
from workers.runners.interface import Attempt, LogSink, Result, StopToken
from workers.runners.requests import RequestError, Requests, Response


class HeartbeatRunner:
    """Checks endpoints."""

    def __init__(self, config: WorkerConfig) -> None:
        self._requests = Requests(config)

    @property
    def kinds(self) -> Sequence[str]:
        """What it takes."""
        return ("heartbeat",)

    def run(self, attempt: Attempt, sink: LogSink, stop: StopToken) -> Result:  # noqa: ARG002 - it keeps no log
        """Ask the endpoint and judge its answer."""
        try:
            response = self._requests.send(attempt, stop)
        except RequestError as error:
            return replace(Result.failed("expectation", str(error)), outputs={"up": False})
        if isinstance(response, Result):
            return response
        why = unmet(response, attempt.spec.get("expect") or {}, datetime.now(UTC))
        if why:
            return replace(Result.failed("expectation", why), outputs=_figures(response, up=False))
        return Result.succeeded(_figures(response, up=True))

    def close(self) -> None:
        """Close all connections."""
        self._requests.close()


def _figures(response: Response, *, up: bool) -> dict[str, object]:
    return {"up": up, "status": response.status, "latency_ms": response.latency_ms}
