"""No field of the language is without a case."""

import json
from importlib.resources import files
from typing import Any, Final

import pytest

from tests.conformance.fields import Fields
from tests.conformance.suite import conformance

_FOR_PEOPLE: Final = "it is for people, and changes nothing"
_OF_A_SOURCE: Final = "it needs a source: tests/contract/sync, tests/integration/test_checkout.py"
EXCEPTIONS: Final[dict[str, str]] = {
    "approval.by": "who somebody is, is not known yet: every answer counts",
    "input.description": _FOR_PEOPLE,
    "task.description": _FOR_PEOPLE,
    "task.labels": _FOR_PEOPLE,
    "workflow.description": _FOR_PEOPLE,
    "task.checkout": _OF_A_SOURCE,
    "workflow.checkout": _OF_A_SOURCE,
    "workflow.moved": _OF_A_SOURCE,
    "workflow.moved.from": _OF_A_SOURCE,
}
"""Fields that no run, firing or notice shows, and why."""


@pytest.fixture(scope="module")
def schema() -> Any:
    """The schema of workflow files."""
    return json.loads(files("schemas").joinpath("workflow.schema.json").read_text(encoding="utf-8"))


def test_every_field_has_a_case(schema: Any) -> None:
    """What the schema allows, some case uses."""
    fields = Fields(schema)
    used = {field for case in conformance() for document in case.documents for field in fields.used(document)}
    without = sorted(fields.all() - used - EXCEPTIONS.keys())
    assert not without, "no conformance case uses " + ", ".join(without)


def test_exceptions_are_fields_without_a_case(schema: Any) -> None:
    """The table of exceptions is not out of date."""
    fields = Fields(schema)
    used = {field for case in conformance() for document in case.documents for field in fields.used(document)}
    assert EXCEPTIONS.keys() <= fields.all() - used


def test_a_field_that_nothing_uses_is_found(schema: Any) -> None:
    """The walk goes along maps, lists and definitions."""
    fields = Fields(schema)
    document = {"tasks": [{"id": "a", "run": "true", "retry": {"on": ["exit"]}}], "notify": [{"on": ["failed"]}]}
    assert fields.used(document) == {
        "workflow.tasks",
        "task.id",
        "task.run",
        "task.retry",
        "retry.on",
        "workflow.notify",
        "notification.on",
    }
    assert fields.used(document) < fields.all()
