"""The document made whole: the problems, bodies, examples and links that handlers do not declare."""

import copy
from collections.abc import Iterator
from typing import Any

from litestar import Request
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin

from api.document.answers import referred, shared, statuses
from api.document.bodies import EXAMPLES, GIVEN, RAW
from api.document.links import links

Document = dict[str, Any]

_IDS = {"run_id", "backfill_id"}


def completed(derived: Document) -> Document:
    """Return the whole document for the one that the framework derives; that one is left as it is."""
    document = copy.deepcopy(derived)
    known = {operation["operationId"] for _, operation in operations(document)}
    for path, operation in operations(document):
        _parameters(operation)
        _body(operation)
        _answers(operation, path)
        status, following = links(operation["operationId"], known)
        if following:
            operation["responses"][status]["links"] = following
    document["components"]["responses"] = shared()
    return document


def operations(document: Document) -> Iterator[tuple[str, Document]]:
    """Give each operation with its path."""
    for path, methods in document["paths"].items():
        for operation in methods.values():
            yield path, operation


def _parameters(operation: Document) -> None:
    """A parameter in a query, path or header is there or is not: it is never null."""
    for parameter in operation.get("parameters", []):
        parameter["schema"] = _without_null(parameter["schema"])
        if parameter["name"] in _IDS:
            parameter["schema"]["format"] = "uuid"


def _without_null(schema: Document) -> Document:
    kinds = [each for each in schema.get("oneOf", []) if each.get("type") != "null"]
    if len(kinds) != 1 or len(schema["oneOf"]) == 1:
        return schema
    rest = {key: value for key, value in schema.items() if key != "oneOf"}
    return {**kinds[0], **rest} if "$ref" not in kinds[0] else {"oneOf": kinds, **rest}


def _body(operation: Document) -> None:
    name = operation["operationId"]
    if name in RAW:
        media_type, schema = RAW[name]
        operation["requestBody"] = {"required": True, "content": {media_type: {"schema": schema}}}
    if "requestBody" not in operation:
        return
    for content in operation["requestBody"]["content"].values():
        nullable = any(each.get("type") == "null" for each in content["schema"].get("oneOf", []))
        operation["requestBody"]["required"] = not nullable
        if name in EXAMPLES:
            content["examples"] = {"usual": {"value": EXAMPLES[name]}}


def _answers(operation: Document, path: str) -> None:
    name, answers = operation["operationId"], operation["responses"]
    for status in [status for status in answers if int(status) >= 400]:
        del answers[status]
    for status, content in GIVEN.get(name, {}).items():
        answer = answers.setdefault(status, {"description": "The caller has it already"})
        answer["content"] = {media_type: {"schema": schema} for media_type, schema in content.items()}
    if name == "resumeRun":  # a dry run makes nothing
        answers["200"] = {**answers["201"], "description": "What would run, and why"}
    if name == "getLogs":
        answers["200"]["content"]["text/plain"] = {"schema": {"type": "string"}}
    if name == "ready":  # says in the same words what is missing
        answers["503"] = {**answers["200"], "description": "Something that the process needs is missing"}
    for status in sorted(statuses(operation, path)):
        answers[str(status)] = referred(status)


class WholeJson(JsonRenderPlugin):
    """The whole document as JSON."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: Document) -> bytes:
        """Return the document's text."""
        return super().render(request, completed(openapi_schema))


class WholeYaml(YamlRenderPlugin):
    """The whole document as YAML."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: Document) -> bytes:
        """Return the document's text."""
        return super().render(request, completed(openapi_schema))
