"""The fast answer: does a document fit the schema? Ten microseconds, without a reason."""

from functools import cache
from typing import Any

import jsonschema_rs

import schemas


@cache
def workflow_schema() -> dict[str, Any]:
    """Return the schema of workflow files."""
    return schemas.load("workflow")


@cache
def _validator(name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(schemas.load(name))


def is_valid(document: Any, schema: str = "workflow") -> bool:
    """Return whether a JSON value fits one of our schemas."""
    return _validator(schema).is_valid(document)
