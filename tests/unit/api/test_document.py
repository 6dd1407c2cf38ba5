"""The document is whole: examples that fit, problems by what an operation is, links that lead somewhere."""

import pytest
from jsonschema import Draft202012Validator

from api.document.bodies import EXAMPLES
from api.document.complete import completed, operations
from tests.openapi.document import document as whole

DOCUMENT = whole()
OPERATIONS = {operation["operationId"]: (path, operation) for path, operation in operations(DOCUMENT)}
ASKED = sorted(name for name, (_, operation) in OPERATIONS.items() if "requestBody" in operation)


@pytest.mark.parametrize("name", ASKED)
def test_each_body_has_an_example_that_fits(name):
    assert name in EXAMPLES, "add one to api/document/bodies.py"
    for content in OPERATIONS[name][1]["requestBody"]["content"].values():
        schema = {**content["schema"], "components": DOCUMENT["components"]}
        Draft202012Validator(schema).validate(content["examples"]["usual"]["value"])


def test_a_body_that_may_be_left_out_is_not_required():
    assert not OPERATIONS["triggerRun"][1]["requestBody"]["required"]
    assert OPERATIONS["setSecret"][1]["requestBody"]["required"]


def test_no_parameter_is_null():
    for _, operation in OPERATIONS.values():
        for parameter in operation.get("parameters", []):
            assert {"type": "null"} not in parameter["schema"].get("oneOf", [])


@pytest.mark.parametrize(
    ("name", "there", "absent"),
    [
        ("listWorkers", {"200", "400", "401", "403", "503"}, {"404", "409", "413", "422"}),
        ("getRun", {"200", "404"}, {"409", "413", "422"}),
        ("triggerRun", {"201", "404", "409", "413", "422"}, {"200", "502"}),
        ("planRef", {"200", "404", "422", "502", "503", "504"}, {"413"}),
        ("getArtifact", {"200", "304"}, {"409"}),
        ("resumeRun", {"200", "201"}, set()),
        ("live", {"200"}, {"400", "404"}),
    ],
)
def test_problems_are_those_that_an_operation_can_have(name, there, absent):
    answers = OPERATIONS[name][1]["responses"].keys()
    assert there <= answers
    assert not absent & answers


def test_links_lead_to_operations_and_fill_parameters_that_they_have():
    found = 0
    for _, operation in OPERATIONS.values():
        for answer in operation["responses"].values():
            for link in answer.get("links", {}).values():
                target = OPERATIONS[link["operationId"]][1]
                found += 1
                assert link["parameters"].keys() <= {each["name"] for each in target["parameters"]}
    assert found > 20


def test_shared_answers_are_there():
    for _, operation in OPERATIONS.values():
        for answer in operation["responses"].values():
            if "$ref" in answer:
                assert answer["$ref"].rpartition("/")[2] in DOCUMENT["components"]["responses"]


def test_what_was_derived_is_left_as_it_is():
    operation = {"operationId": "live", "responses": {"200": {}}}
    derived = {"paths": {"/health/live": {"get": operation}}, "components": {"schemas": {}}}
    completed(derived)
    assert operation["responses"] == {"200": {}}
