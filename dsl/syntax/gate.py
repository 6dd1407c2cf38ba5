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
def _validator() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(workflow_schema())


def is_valid(document: Any) -> bool:
    """Return whether a JSON value fits the schema of workflow files."""
    return _validator().is_valid(document)
