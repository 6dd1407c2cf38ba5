"""Kind `http`: one request.

Outputs: `status`, `latency_ms`, `headers` (by lower-case name), `body` (text) and `json` (the body read as JSON) are
the response's; any other declared name is the member of that name of the JSON body. Only declared outputs are kept,
but for `status` and `latency_ms`, which always are.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from workers.config import WorkerConfig
from workers.outputs import OutputError, typed
from workers.runners.expectations import unmet
from workers.runners.interface import Attempt, LogSink, Result, StopToken
from workers.runners.requests import RequestError, Requests, Response

_OF_RESPONSE: Mapping[str, Callable[[Response], Any]] = {
    "status": lambda response: response.status,
    "latency_ms": lambda response: response.latency_ms,
    "headers": lambda response: response.headers,
    "body": lambda response: response.text,
}
ALWAYS = ("status", "latency_ms")


class HttpRunner:
    """Sends requests. Logs one line about each, and nothing of its content."""

    def __init__(self, config: WorkerConfig) -> None:
        self._requests = Requests(config)

    @property
    def kinds(self) -> Sequence[str]:
        """What it takes."""
        return ("http",)

    def run(self, attempt: Attempt, sink: LogSink, stop: StopToken) -> Result:
        """Send the request and check the response."""
        try:
            response = self._requests.send(attempt, stop)
        except RequestError as error:
            return Result.failed("expectation", str(error))
        if isinstance(response, Result):
            return response
        line = f"{attempt.spec.get('method', 'GET')} {response.status} {response.reason} in {response.latency_ms} ms"
        sink.line("system", f"{line}, {len(response.body)} bytes")
        why = unmet(response, attempt.spec.get("expect") or {}, datetime.now(UTC))
        if why:
            return Result.failed("expectation", why)
        try:
            return Result.succeeded(outputs(response, attempt.outputs))
        except OutputError as error:
            return Result.failed("invalid_output", str(error))

    def close(self) -> None:
        """Close all connections."""
        self._requests.close()


def outputs(response: Response, declared: Mapping[str, str]) -> dict[str, Any]:
    """Return the outputs as the module says. Raises `OutputError`."""
    values = {name: _OF_RESPONSE[name](response) for name in ALWAYS}
    values |= {name: _OF_RESPONSE[name](response) for name in declared if name in _OF_RESPONSE}
    of_body = [name for name in declared if name not in values]
    if of_body:
        content = _json(response)
        if "json" in of_body:
            values["json"] = content
        if isinstance(content, dict):
            values |= {name: content[name] for name in of_body if name in content and name != "json"}
    return typed(values, declared)


def _json(response: Response) -> Any:
    try:
        return response.json()
    except ValueError as error:
        raise OutputError("outputs are taken from the body, which is not JSON") from error
