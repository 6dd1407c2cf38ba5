"""Kinds of task that installed packages add, by the entry points of the group `chronoverse.runners`.

An entry point's name is the kind, its object what a worker makes the runner with; the `schema` of that object is the
JSON Schema (2020-12) of the kind's block. Entry points: https://packaging.python.org/specifications/entry-points/.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

import jsonschema_rs

import schemas

GROUP: Final = "chronoverse.runners"
_FORM: Final = re.compile(r"[a-z][a-z0-9_]{0,49}")
_ANY_MAP: Final[dict[str, Any]] = {"description": "What the runner takes.", "type": "object"}


@dataclass(frozen=True, eq=False)
class RunnerKinds:
    """The kinds with the schemas of their blocks, and why others that are installed cannot be used."""

    schemas: Mapping[str, dict[str, Any]]
    broken: Mapping[str, str]


class _UnusableError(Exception):
    """Why a kind cannot be used."""


@cache
def runner_kinds() -> RunnerKinds:
    """Return what is installed, looked for once a process. A broken package breaks only its own kind."""
    found: dict[str, dict[str, Any]] = {}
    broken: dict[str, str] = {}
    for point in entry_points(group=GROUP):
        try:
            found[point.name] = _schema(point, found)
        except _UnusableError as error:
            broken[point.name] = str(error)
    return RunnerKinds(found, broken)


def merged_schema() -> dict[str, Any]:
    """Return the schema of workflow files with the kinds that are installed."""
    whole = schemas.load("workflow")
    definitions = whole["$defs"]
    for kind, schema in runner_kinds().schemas.items():
        name = f"runner_{kind}"
        definitions[name] = schema
        for holder in (definitions["task"], definitions["step"]):
            description = schema.get("description", f"A task of kind `{kind}`.")
            holder["properties"][kind] = {"description": description, "$ref": f"#/$defs/{name}"}
            holder["oneOf"].append({"required": [kind]})
    return whole


def _schema(point: EntryPoint, others: Mapping[str, Any]) -> dict[str, Any]:
    if not _FORM.fullmatch(point.name):
        raise _UnusableError("the kind must be lower-case letters, digits and '_'")
    if point.name in others or point.name in _fields():
        raise _UnusableError("the language, or another package, has a field of that name already")
    try:
        schema = getattr(point.load(), "schema", _ANY_MAP)
    except Exception as error:  # whatever a stranger's module raises
        raise _UnusableError(f"{point.value} cannot be imported: {error}") from None
    return _checked(point.name, schema)


def _fields() -> set[str]:
    definitions = schemas.load("workflow")["$defs"]
    return {*definitions["task"]["properties"], *definitions["step"]["properties"]}


def _checked(kind: str, schema: Any) -> dict[str, Any]:
    """Return the schema as a resource of its own: references (`#/$defs/…`) stay inside it."""
    if not isinstance(schema, dict):
        raise _UnusableError("its schema is not a map")
    own = {"$id": f"urn:chronoverse:runner:{kind}", **{key: item for key, item in schema.items() if key != "$schema"}}
    try:
        jsonschema_rs.Draft202012Validator(own, offline=True)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise _UnusableError(f"its schema is not valid: {str(error).splitlines()[0]}") from None
    return own
