"""The language reference (`docs/language.md`), made from the JSON Schema: it says what the schema says."""

import json
from collections.abc import Iterator
from typing import Any, Final

from schemas import load

_HEAD: Final = """# The workflow language

Made from `schemas/workflow.schema.json` by `make docs`; editors, the loader and the API use the same file. Expressions
are described in [expressions](expressions.md), schedules in [schedules](schedules.md); what a folder can give to all of
its workflows, what is checked over several of them and how one is renamed in [defaults](defaults.md).

A file is UTF-8 YAML 1.2, one workflow a document, at most 1 MiB. This is one that uses most of it:

```yaml
{example}```
"""
_KINDS: Final = ("run", "container", "http", "heartbeat", "workflow", "wait", "approval", "set")
_SECTIONS: Final = (
    ("Inputs", "input", ("inputs", "*")),
    ("Triggers", "trigger", ("triggers", "*")),
    ("Concurrency", "concurrency", ("concurrency",)),
    ("Defaults", "defaults", ("defaults",)),
    ("Tasks", "task", ("tasks", "*")),
    ("Retry", "retry", ("tasks", "*", "retry")),
    ("Kind `container`", "container", ("tasks", "*", "container")),
    ("Kind `http`", "http", ("tasks", "*", "http")),
    ("Kind `heartbeat`", "heartbeat", ("tasks", "*", "heartbeat")),
    ("Kind `workflow`", "childWorkflow", ("tasks", "*", "workflow")),
    ("Kind `wait`", "wait", ("tasks", "*", "wait")),
    ("Kind `approval`", "approval", ("tasks", "*", "approval")),
    ("Kind `set`", "set", ("tasks", "*", "set")),
    ("Matrix", "matrix", ("tasks", "*", "matrix")),
    ("Notifications", "notification", ("notify", "*")),
)


def page(example: str) -> str:
    """Return the reference; `example` is a workflow file that shows much of the language."""
    schema = load("workflow")
    definitions: dict[str, Any] = schema["$defs"]
    parts = [_HEAD.format(example=example), "## A workflow\n", _table(schema, definitions, ())]
    for title, name, path in _SECTIONS:
        parts.append(f"## {title}\n\n{definitions[name]['description']}\n")
        parts.append(_table(definitions[name], definitions, path))
    return "\n".join(parts)


def _table(schema: dict[str, Any], definitions: dict[str, Any], path: tuple[str, ...]) -> str:
    rows = list(_rows(schema, definitions, path, ""))
    if not rows:
        return ""
    return "\n".join(["| field | type | meaning |", "| --- | --- | --- |", *rows, ""])


def _rows(schema: dict[str, Any], definitions: dict[str, Any], path: tuple[str, ...], prefix: str) -> Iterator[str]:
    required = set(schema.get("required", ()))
    for name, given in _properties(schema, definitions).items():
        field = {**_resolved(given, definitions), **{key: item for key, item in given.items() if key != "$ref"}}
        meaning = " ".join([field.get("description", ""), *_values(field), *_examples(field)])
        shown = f"`{prefix}{name}`" + (" (required)" if name in required else "")
        yield f"| {shown} | {_escaped(_type(given, definitions))} | {_escaped(meaning.strip())} |"
        if field.get("properties") and "$ref" not in given:
            yield from _rows(field, definitions, (*path, name), f"{prefix}{name}.")


def _properties(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = dict(schema.get("properties", {}))
    for choice in (*schema.get("oneOf", ()), *schema.get("anyOf", ()), *schema.get("allOf", ())):
        found |= _properties(_resolved(choice, definitions), definitions)
    return found


def _resolved(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = definitions[schema["$ref"].removeprefix("#/$defs/")]
    return found


def _type(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    name: str = schema.get("$ref", "").removeprefix("#/$defs/")
    if name in {"duration", "size", "time", "condition", "template"}:
        return {"condition": "CEL", "template": "any, with `${{ }}`"}.get(name, name)
    field = _resolved(schema, definitions)
    kinds = field.get("type")
    if isinstance(kinds, list):
        return " or ".join(kinds)
    if kinds == "array":
        items = field.get("items", {})
        return f"list of {_type(items, definitions)}" if items else "list"
    if kinds == "object":
        return "map"
    return str(kinds or ("one of" if "enum" in field else "any"))


def _values(field: dict[str, Any]) -> list[str]:
    found = []
    if "enum" in field:
        found.append("One of " + ", ".join(f"`{item}`" for item in field["enum"]) + ".")
    if "default" in field:
        found.append(f"Default: `{_json(field['default'])}`.")
    return found


def _examples(field: dict[str, Any]) -> list[str]:
    examples = field.get("examples", [])[:2]
    return ["Example: " + ", ".join(f"`{_json(item)}`" for item in examples) + "."] if examples else []


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
