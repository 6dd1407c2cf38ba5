from collections.abc import Iterator
from typing import Any

import pytest

from api.app import openapi_document
from api.dependencies import Dependencies
from engine.broker.memory import MemoryBroker
from engine.store.database import Database


@pytest.fixture(scope="module")
def document() -> Iterator[dict[str, Any]]:
    database = Database.open("sqlite://")
    yield openapi_document(Dependencies(database=database, broker=MemoryBroker()))
    database.close()


def test_every_operation_has_a_name_a_summary_and_a_description(document):
    operations = [entry for path in document["paths"].values() for entry in path.values()]
    names = [entry["operationId"] for entry in operations]
    assert len(names) == len(set(names))
    assert all(name[0].islower() and name.isalnum() for name in names)
    assert all(entry.get("summary") and entry.get("description") for entry in operations)


def test_types_have_the_names_of_our_own(document):
    names = set(document["components"]["schemas"])
    assert {"Run", "RunDetail", "RunPage", "TaskRun", "Attempt", "Workflow", "Source", "Worker", "Explanation"} <= names
    assert all(name.isalnum() for name in names)


def test_references_lead_somewhere(document):
    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                yield value["$ref"]
            for inner in value.values():
                yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    known = {f"#/components/{kind}/{name}" for kind, named in document["components"].items() for name in named}
    assert set(references(document)) <= known


def test_the_paths_of_the_architecture_are_there(document):
    for path in (
        "/api/v1/workflows",
        "/api/v1/workflows/{namespace}/{name}",
        "/api/v1/workflows/{namespace}/{name}/revisions/{number}",
        "/api/v1/workflows/{namespace}/{name}/upcoming",
        "/api/v1/workflows/{namespace}/{name}/runs",
        "/api/v1/workflows/{namespace}/{name}/explain",
        "/api/v1/runs",
        "/api/v1/runs/{run_id}",
        "/api/v1/runs/{run_id}/tasks",
        "/api/v1/runs/{run_id}/logs",
        "/api/v1/runs/{run_id}/logs/stream",
        "/api/v1/runs/{run_id}/cancel",
        "/api/v1/runs/{run_id}/retry",
        "/api/v1/runs/{run_id}/rerun",
        "/api/v1/sources/{name}/sync",
        "/api/v1/workers",
        "/api/v1/validate",
        "/health/live",
        "/health/ready",
    ):
        assert path in document["paths"], path
