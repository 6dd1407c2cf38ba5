"""What OpenTelemetry's variables switch on, and what they cannot."""

import pytest

from engine.settings import SettingsError
from engine.telemetry.process import pushed

AT = "http://127.0.0.1:4318"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, []),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, []),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": AT}, ["traces", "metrics"]),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": AT}, ["traces"]),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": AT}, ["metrics"]),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": AT, "OTEL_TRACES_EXPORTER": "none"}, ["metrics"]),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": AT, "OTEL_SDK_DISABLED": "true"}, []),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, []),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": AT, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, ["traces", "metrics"]),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, []),
    ],
)
def test_what_is_pushed(environment: dict[str, str], expected: list[str]) -> None:
    assert pushed(environment) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/json"),
        ("OTEL_TRACES_EXPORTER", "jaeger"),
    ],
)
def test_what_there_is_not_is_refused_with_its_name_and_a_remedy(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=rf"{name}='{value}': must be (.|\n)*hint:"):
        pushed({"OTEL_EXPORTER_OTLP_ENDPOINT": AT, name: value})
