"""Violations of the keywords that speak about one value."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from jsonschema.exceptions import ValidationError

from dsl.suggest import did_you_mean
from dsl.syntax.violations import Path, Violation, found_name, shown, type_name

_PATTERN_CODES: Final = {"duration": "E0106", "size": "E0107", "time": "E0108"}
_LISTED_MAX: Final = 12
_ARTICLES: Final = {"text, number or boolean": "", "duration or {until: time}": "a "}


def path_of(error: ValidationError) -> Path:
    """Return where the violating value stands."""
    return tuple(error.absolute_path)


def type_fault(error: ValidationError) -> Iterator[Violation]:
    """Explain a value of a wrong type."""
    title = error.schema.get("title") if isinstance(error.schema, dict) else None
    expected = _with_article(title) if title else _type_names(error.validator_value)
    message = f"expected {expected}, found {found_name(error.instance)}"
    path = path_of(error)
    yield Violation("E0103", message, path, _type_hint(error), at_key=error.instance is None and bool(path))


def _type_names(value: Any) -> str:
    names = [value] if isinstance(value, str) else list(value)
    return " or ".join(type_name(name) for name in names)


def _with_article(title: str) -> str:
    return f"{'an' if title[0] in 'aeiou' else 'a'} {title}" if title not in _ARTICLES else _ARTICLES[title] + title


def _type_hint(error: ValidationError) -> str:
    value, schema = error.instance, error.schema
    if schema.get("title") == "duration" and isinstance(value, int) and not isinstance(value, bool):
        return f"write {value}s for seconds"
    wanted = schema.get("type")
    if wanted == "array" and isinstance(value, str):
        return f"write a list: [{value}]"
    if wanted == "string" and isinstance(value, bool | int | float):
        return f'quote it: "{json.dumps(value)}"'
    if wanted == "boolean" and str(value).lower() in {"yes", "on", "no", "off"}:
        return "write true" if str(value).lower() in {"yes", "on"} else "write false"
    if wanted in {"integer", "number"} and isinstance(value, str) and re.fullmatch(r"[0-9.]+", value):
        return "leave the quotes out"
    return ""


def enumeration(error: ValidationError) -> Iterator[Violation]:
    """Explain a value that is not among those allowed."""
    allowed = [str(item) for item in error.validator_value]
    listed = f"one of: {', '.join(allowed)}" if len(allowed) > 1 else f"write {allowed[0]}"
    hint = did_you_mean(str(error.instance), allowed, listed if len(allowed) <= _LISTED_MAX else "")
    title = error.schema.get("title")
    what = _with_article(title) if title else "a value that is allowed here"
    yield Violation("E0104", f"{shown(error.instance)} is not {what}", path_of(error), hint)


def pattern(error: ValidationError) -> Iterator[Violation]:
    """Explain text of a wrong form, a key's included."""
    title, text = error.schema.get("title", "form expected here"), error.instance
    description = error.schema.get("description", "").replace("`", "'")
    if "propertyNames" in error.absolute_schema_path:
        path = (*path_of(error), text)
        if title == "id":
            yield Violation(
                "E0320",
                f"{shown(text)} is not an id that expressions can name",
                path,
                _id_hint(text),
                at_key=True,
                pruned=False,
            )
            return
        yield Violation("E0105", f"{shown(text)} is not {_with_article(title)}", path, description, at_key=True)
        return
    code = _PATTERN_CODES.get(title, "E0105")
    hint = _id_hint(text) if title == "id" else description
    yield Violation(
        "E0320" if title == "id" else code, f"{shown(text)} is not {_with_article(title)}", path_of(error), hint
    )


def _id_hint(text: str) -> str:
    name = re.sub(r"[^a-z0-9_]+", "_", text.lower()).strip("_")
    name = f"_{name}" if name[:1].isdigit() else name
    return f"use '{name}'" if name else "use lower-case letters, digits and '_'"


def size(error: ValidationError) -> Iterator[Violation]:
    """Explain a number out of its bounds."""
    words = {"minimum": "at least", "maximum": "at most", "exclusiveMinimum": "more than"}[str(error.validator)]
    yield Violation(
        "E0109", f"{error.instance} is out of bounds: must be {words} {error.validator_value}", path_of(error)
    )


def counts(error: ValidationError) -> Iterator[Violation]:
    """Explain text, a list or a map with too little or too much in it."""
    keyword, bound = str(error.validator), error.validator_value
    unit = {"Items": "item", "Length": "character", "Properties": "entry"}[keyword[3:]]
    units = unit if bound == 1 else {"entry": "entries"}.get(unit, f"{unit}s")
    words = "at least" if keyword.startswith("min") else "at most"
    path = path_of(error)
    if "propertyNames" in error.absolute_schema_path:
        yield Violation(
            "E0110",
            f"{shown(error.instance)} must have {words} {bound} {units}",
            (*path, error.instance),
            "",
            at_key=True,
        )
        return
    message = f"must have {words} {bound} {units}, has {len(error.instance)}"
    yield Violation("E0110", message, path)


def repeated(error: ValidationError) -> Iterator[Violation]:
    """Explain the items of a list that stand in it twice."""
    seen: set[str] = set()
    for number, item in enumerate(error.instance):
        key = json.dumps(item, sort_keys=True)
        if key in seen:
            yield Violation("E0111", f"{shown(item)} is listed twice", (*path_of(error), number), "remove one of them")
        seen.add(key)


def dependent(error: ValidationError) -> Iterator[Violation]:
    """Explain a field without the one that it belongs to."""
    for field, wanted in error.validator_value.items():
        for name in wanted:
            if field in error.instance and name not in error.instance:
                path = (*path_of(error), field)
                yield Violation(
                    "E0115", f"'{field}' goes only with '{name}'", path, f"remove it, or add '{name}'", at_key=True
                )


def forbidden(error: ValidationError) -> Iterator[Violation]:
    """Explain a field that does not go with another one."""
    steps = list(error.absolute_schema_path)
    other = steps[steps.index("dependentSchemas") + 1]
    path = path_of(error)
    yield Violation("E0115", f"'{path[-1]}' does not go with '{other}'", path, "remove one of them", at_key=True)
