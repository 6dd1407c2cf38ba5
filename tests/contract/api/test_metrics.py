"""`/metrics` of the API."""

import pytest
from litestar.testing import TestClient
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain


def test_the_numbers_of_the_process_are_served(api: TestClient) -> None:
    answer = api.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "chronoverse_executor_batch_size" in {family.name for family in plain(answer.text)}


@pytest.mark.parametrize("accept", ["application/openmetrics-text; version=1.0.0", "application/openmetrics-text"])
def test_they_are_served_as_open_metrics_to_who_wants_that(api: TestClient, accept: str) -> None:
    answer = api.get("/metrics", headers={"accept": accept})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert list(open_metrics(answer.text))
