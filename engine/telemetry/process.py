"""What a process exports from its start to its end, as its settings and OpenTelemetry's variables say."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Final

from engine.settings import Settings, SettingsError
from engine.telemetry import spans

log = logging.getLogger(__name__)

ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
PROTOCOL: Final = "http/protobuf"
SIGNALS: Final = ("traces", "metrics")

Faults = Callable[[], Mapping[str, str]]


class EndpointError(Exception):
    """The address for metrics cannot be listened on; the message says what to do."""


class Health:
    """Whether a process is well: what watches it asks beside its numbers."""

    def __init__(self) -> None:
        self._faults: Faults = lambda: {"process": "it is starting"}

    def watch(self, faults: Faults) -> None:
        """Answer with what `faults` gives, from now on: for each part that is not well, why."""
        self._faults = faults

    def faults(self) -> Mapping[str, str]:
        """Return, for each part that is not well, why."""
        return self._faults()


@contextmanager
def exporting(settings: Settings, role: str) -> Iterator[Health]:
    """Serve numbers and health, and push spans and numbers, where that is wanted, until the block ends.

    `role` is what `service.name` ends with; empty: the process has all of them. What nobody asked for is not imported.
    Raises `EndpointError`, and `SettingsError` for variables that ask for what there is not.
    """
    signals, health = pushed(os.environ), Health()
    with ExitStack() as stack:
        if settings.metrics_address is not None:
            from engine.telemetry.endpoint import MetricsEndpoint  # noqa: PLC0415 - loaded where it is switched on

            endpoint = MetricsEndpoint(*settings.metrics_address, health.faults)
            endpoint.start()
            stack.callback(endpoint.stop)
        if signals:
            stack.enter_context(_pushing(signals, role))
        yield health


def pushed(environment: Mapping[str, str]) -> list[str]:
    """Return which of `SIGNALS` the variables want to be pushed. Raises `SettingsError`.

    Names and values: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables.
    """
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return []
    return [signal for signal in SIGNALS if _wanted(signal.upper(), environment)]


def _wanted(signal: str, environment: Mapping[str, str]) -> bool:
    exporter = _one_of(f"OTEL_{signal}_EXPORTER", ("otlp", "none"), environment)
    own = f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"
    if exporter == "none" or not (environment.get(own) or environment.get(ENDPOINT)):
        return False
    for name in (f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        _one_of(name, (PROTOCOL,), environment)
    return True


def _one_of(name: str, known: tuple[str, ...], environment: Mapping[str, str]) -> str:
    value = environment.get(name, "").strip() or known[0]
    if value not in known:
        raise SettingsError(
            f"{name}={value!r}: must be {' or '.join(known)}\n"
            "  hint: a collector takes OTLP over HTTP on port 4318 as it comes, and hands it on in other ways"
        )
    return value


@contextmanager
def _pushing(signals: list[str], role: str) -> Iterator[None]:
    from engine.telemetry import otlp  # noqa: PLC0415 - some 10 MB, only where it is switched on

    of = otlp.resource(role)
    ends: list[Callable[[], None]] = []
    if "metrics" in signals:
        numbers = otlp.OtlpNumbers(of)
        numbers.start()
        ends.append(numbers.close)
    if "traces" in signals:
        sink = otlp.OtlpSpans(of)
        spans.tell(sink)
        ends.append(sink.close)
    log.info("%s are pushed by OTLP", " and ".join(signals))
    try:
        yield
    finally:
        spans.tell(None)
        otlp.in_time(ends)
