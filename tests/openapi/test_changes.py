"""What breaks clients is found, and what does not is not."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.openapi.changes import breaking

Change = Callable[[dict[str, Any]], object]


def _document() -> dict[str, Any]:
    thing = {
        "type": "object",
        "properties": {"id": {"type": "string"}, "state": {"type": "string", "enum": ["on", "off"]}},
        "required": ["id"],
    }
    json = {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}
    listed = {
        "operationId": "listThings",
        "parameters": [{"in": "query", "name": "state", "schema": {"type": "string", "enum": ["on", "off"]}}],
        "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Page"}}}}},
    }
    made = {
        "operationId": "makeThing",
        "requestBody": {"content": copy.deepcopy(json)},
        "responses": {"201": {"content": json}, "404": {}},
    }
    page = {"type": "object", "properties": {"items": {"type": "array", "items": {"$ref": "#/components/schemas/One"}}}}
    one = {"type": "object", "properties": {"x": {"oneOf": [{"type": "integer"}]}}, "required": ["x"]}
    schemas = {"Thing": thing, "Page": page, "One": one}
    return {"paths": {"/things": {"get": listed, "post": made}}, "components": {"schemas": schemas}}


def _thing(document: dict[str, Any]) -> dict[str, Any]:
    return document["components"]["schemas"]["Thing"]


def _get(document: dict[str, Any]) -> dict[str, Any]:
    return document["paths"]["/things"]["get"]


def _post(document: dict[str, Any]) -> dict[str, Any]:
    return document["paths"]["/things"]["post"]


BREAKING: dict[str, tuple[Change, str]] = {
    "a path": (lambda it: it["paths"].clear(), "GET /things: is gone"),
    "an operation": (lambda it: it["paths"]["/things"].pop("post"), "POST /things: is gone"),
    "a name": (lambda it: _get(it).update(operationId="all"), "GET /things: is called all, was listThings"),
    "a parameter": (lambda it: _get(it)["parameters"].clear(), "GET /things query.state: is gone"),
    "a parameter's value": (
        lambda it: _get(it)["parameters"][0]["schema"]["enum"].remove("off"),
        "GET /things query.state: 'off' is gone",
    ),
    "a parameter's duty": (
        lambda it: _get(it)["parameters"][0].update(required=True),
        "GET /things query.state: is required now",
    ),
    "a new duty": (
        lambda it: _get(it)["parameters"].append({"in": "query", "name": "x", "required": True, "schema": {}}),
        "GET /things query.x: is required now",
    ),
    "a body's duty": (lambda it: _post(it)["requestBody"].update(required=True), "POST /things body: is required now"),
    "a body": (lambda it: _post(it).pop("requestBody"), "POST /things body: is gone"),
    "a status": (lambda it: _post(it)["responses"].pop("201"), "POST /things: does not answer 201 any more"),
    "a media type": (
        lambda it: _post(it)["responses"]["201"]["content"].clear(),
        "POST /things 201: application/json is gone",
    ),
    "a field asked with": (lambda it: _thing(it)["properties"].pop("id"), "Thing (asked).id: is gone"),
    "a field's duty": (lambda it: _thing(it)["required"].append("state"), "Thing (asked).state: is required now"),
    "a field not sure any more": (lambda it: _thing(it)["required"].clear(), "Thing (answered).id: may be missing now"),
    "a type": (
        lambda it: _thing(it)["properties"]["id"].update(type="integer"),
        "Thing (asked).id: is integer now, was string",
    ),
    "an enumeration": (
        lambda it: _thing(it)["properties"]["id"].update(enum=["a"]),
        "Thing (asked).id: only some values are allowed now",
    ),
    "an item's field": (
        lambda it: it["components"]["schemas"]["One"]["properties"].pop("x"),
        "One (answered).x: is gone",
    ),
    "another alternative of an answer": (
        lambda it: it["components"]["schemas"]["One"]["properties"]["x"]["oneOf"].append({"type": "null"}),
        "One (answered).x: may be null now",
    ),
}

HARMLESS: dict[str, Change] = {
    "nothing": lambda it: it,
    "a path more": lambda it: it["paths"].update({"/more": {}}),
    "an optional parameter": lambda it: _get(it)["parameters"].append({"in": "query", "name": "x", "schema": {}}),
    "a field more": lambda it: _thing(it)["properties"].update(more={"type": "string"}),
    "a value more": lambda it: _thing(it)["properties"]["state"]["enum"].append("standby"),
    "a problem less": lambda it: _post(it)["responses"].pop("404"),
    "a field that is always there now": lambda it: it["components"]["schemas"]["Page"].update(required=["items"]),
    "an alternative less in an answer": lambda it: it["components"]["schemas"]["One"]["properties"]["x"]["oneOf"].pop(),
}


@pytest.mark.parametrize("name", BREAKING)
def test_what_breaks_a_client_is_found(name):
    change, line = BREAKING[name]
    after = _document()
    change(after)
    assert line in breaking(_document(), after)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_breaks_nobody_is_let_through(name):
    after = _document()
    HARMLESS[name](after)
    assert breaking(_document(), after) == []
