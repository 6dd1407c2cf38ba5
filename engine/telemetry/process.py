"""What a process exports from its start to its end, as its settings say."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from engine.settings import Settings


class EndpointError(Exception):
    """The address for metrics cannot be listened on; the message says what to do."""


@contextmanager
def exporting(settings: Settings) -> Iterator[None]:
    """Serve numbers where the settings want that. Raises `EndpointError`.

    What nobody asked for is not imported.
    """
    with ExitStack() as stack:
        if settings.metrics_address is not None:
            from engine.telemetry.endpoint import MetricsEndpoint  # noqa: PLC0415 - loaded where it is switched on

            endpoint = MetricsEndpoint(*settings.metrics_address)
            endpoint.start()
            stack.callback(endpoint.stop)
        yield
