"""The fast answer: does a document fit the schema? Ten microseconds, without a reason."""

from functools import cache
from typing import Any

import jsonschema_rs

import schemas
from dsl.syntax.runner_kinds import RunnerKinds, merged_schema, runner_kinds


def published(name: str) -> dict[str, Any]:
    """Return the schema called `name`; that of workflow files with the kinds that installed packages add.

    Raises `FileNotFoundError` if there is none.
    """
    return merged_schema() if name == "workflow" else schemas.load(name)


@cache
def _validator(name: str, _kinds: RunnerKinds) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(published(name))


def is_valid(document: Any, schema: str = "workflow") -> bool:
    """Return whether a JSON value fits one of our schemas."""
    return _validator(schema, runner_kinds()).is_valid(document)
