"""The JSON Schema of `_defaults.yaml`, made from that of workflows: one definition of each field.

It stands beside the other as a file of its own, so that editors need nothing else.
"""

from collections.abc import Iterator
from typing import Any, Final

FIELDS: Final = ("namespace", "labels", "env", "defaults", "notify")
"""What a folder can give to the workflows beneath it."""
_PREFIX: Final = "#/$defs/"


def derive(workflow: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of defaults files, made from that of workflows."""
    properties = {name: workflow["properties"][name] for name in ("apiVersion", *FIELDS)}
    needed = _reached(properties, workflow["$defs"])
    return {
        "$schema": workflow["$schema"],
        "$id": workflow["$id"].replace(":workflow:", ":defaults:"),
        "title": "Chronoverse defaults",
        "description": "What a folder gives to the workflows beneath it; the nearest file wins, the workflow over all.",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "$defs": {name: item for name, item in workflow["$defs"].items() if name in needed},
    }


def _reached(value: Any, definitions: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    waiting = list(_references(value))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(definitions[name])
    return found


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].removeprefix(_PREFIX)
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)
