"""The instruments as Prometheus reads them.

Names change by OpenTelemetry's own rules: dots become underscores, the unit and `_total` are added
(https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics). Both of Prometheus's text formats
are spoken; which one, the reader's `Accept` says. prometheus-client is imported by the first call of `exposition`.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from engine.telemetry.instruments import INSTRUMENTS
from engine.telemetry.recording import OVERFLOW, Distribution, Histogram, Instrument, Kind, Point

if TYPE_CHECKING:
    from prometheus_client import Metric

UNITS: Final = {"s": "seconds", "By": "bytes"}
"""How Prometheus writes units; those in braces are left out."""

_TYPES: Final = {
    Kind.COUNTER: "counter",
    Kind.UP_DOWN_COUNTER: "gauge",
    Kind.GAUGE: "gauge",
    Kind.HISTOGRAM: "histogram",
}


def exposition(accept: str = "", instruments: Iterable[Instrument] = INSTRUMENTS) -> tuple[bytes, str]:
    """Return what all instruments show now, and its media type. `accept` is the request's header."""
    from prometheus_client import CollectorRegistry  # noqa: PLC0415 - not for a process that nobody scrapes
    from prometheus_client.exposition import choose_encoder  # noqa: PLC0415 - see above

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(instruments))
    encode, media_type = choose_encoder(accept)
    return encode(registry), media_type


def family_name(instrument: Instrument) -> str:
    """Return the metric's name without the endings that samples have (`_total`, `_bucket`, `_sum`, `_count`)."""
    unit = UNITS.get(instrument.unit, "")
    name = label_name(instrument.name)
    return name if not unit or name.endswith(f"_{unit}") else f"{name}_{unit}"


def sample_names(instrument: Instrument) -> tuple[str, ...]:
    """Return the names under which queries find the instrument."""
    name = family_name(instrument)
    match instrument.kind:
        case Kind.COUNTER:
            return (f"{name}_total",)
        case Kind.HISTOGRAM:
            return (f"{name}_bucket", f"{name}_sum", f"{name}_count")
        case Kind.GAUGE | Kind.UP_DOWN_COUNTER:
            return (name,)


def label_name(attribute: str) -> str:
    """Return an attribute's name as a label."""
    return attribute.replace(".", "_")


class _Collector:
    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self._instruments = instruments

    def collect(self) -> "Iterator[Metric]":
        return (_family(instrument) for instrument in self._instruments)


def _family(instrument: Instrument) -> "Metric":
    from prometheus_client import Metric  # noqa: PLC0415 - see `exposition`

    family = Metric(
        family_name(instrument), instrument.meaning, _TYPES[instrument.kind], UNITS.get(instrument.unit, "")
    )
    for point in instrument.points():
        labels = _labels(instrument, point)
        if isinstance(point.value, Distribution):
            assert isinstance(instrument, Histogram)
            _distribute(family, labels, instrument.bounds, point.value)
        else:
            family.add_sample(sample_names(instrument)[0], labels, point.value)
    return family


def _labels(instrument: Instrument, point: Point) -> dict[str, str]:
    if point.overflow:
        return {label_name(OVERFLOW): "true"}
    names = (label_name(name) for name in instrument.attributes)
    return dict(zip(names, point.values, strict=True))


def _distribute(family: "Metric", labels: dict[str, str], bounds: tuple[float, ...], found: Distribution) -> None:
    total = 0
    for bound, count in zip([*map(str, bounds), "+Inf"], found.counts, strict=True):
        total += count
        family.add_sample(f"{family.name}_bucket", {**labels, "le": bound}, total)
    family.add_sample(f"{family.name}_count", labels, total)
    family.add_sample(f"{family.name}_sum", labels, found.sum)
