"""Violations of the keywords that speak about one value."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from dsl.suggest import did_you_mean
from dsl.syntax.violations import Breach, Violation, found_name, shown, type_name

_PRIVATE: Final = frozenset({"secret name"})
"""What stands where such a name should may be the secret itself."""
_PATTERN_CODES: Final = {"duration": "E0106", "size": "E0107", "time": "E0108"}
_LISTED_MAX: Final = 12
_ARTICLES: Final = {"text, number or boolean": "", "duration or {until: time}": "a "}


def type_fault(breach: Breach) -> Iterator[Violation]:
    """Explain a value of a wrong type."""
    title = "" if "oneOf" in breach.schema else breach.title
    expected = _with_article(title) if title else _type_names(breach.wanted)
    message = f"expected {expected}, found {found_name(breach.value)}"
    path = breach.path
    yield Violation("E0103", message, path, _type_hint(breach), at_key=breach.value is None and bool(path))


def _type_names(value: Any) -> str:
    names = [value] if isinstance(value, str) else list(value)
    return " or ".join(type_name(name) for name in names)


def _with_article(title: str) -> str:
    return f"{'an' if title[0] in 'aeiou' else 'a'} {title}" if title not in _ARTICLES else _ARTICLES[title] + title


def _type_hint(breach: Breach) -> str:
    value, schema = breach.value, breach.schema
    if schema.get("title") == "duration" and isinstance(value, int) and not isinstance(value, bool):
        return f"write {value}s for seconds"
    wanted = schema.get("type")
    if wanted == "array" and isinstance(value, str):
        return f"write a list: [{value}]"
    if wanted == "string" and isinstance(value, bool | int | float):
        return f'quote it: "{json.dumps(value)}"'
    if wanted == "boolean" and str(value).lower() in {"yes", "on", "no", "off"}:
        return "write true" if str(value).lower() in {"yes", "on"} else "write false"
    if wanted in ("integer", "number") and isinstance(value, str) and re.fullmatch(r"[0-9.]+", value):
        return "leave the quotes out"
    return ""


def enumeration(breach: Breach) -> Iterator[Violation]:
    """Explain a value that is not among those allowed."""
    allowed = [str(item) for item in breach.wanted]
    listed = f"one of: {', '.join(allowed)}" if len(allowed) > 1 else f"write {allowed[0]}"
    hint = did_you_mean(str(breach.value), allowed, listed if len(allowed) <= _LISTED_MAX else "")
    title = breach.title
    what = _with_article(title) if title else "a value that is allowed here"
    yield Violation("E0104", f"{shown(breach.value)} is not {what}", breach.path, hint)


def pattern(breach: Breach) -> Iterator[Violation]:
    """Explain text of a wrong form, a key's included."""
    title, text = breach.title or "form expected here", breach.value
    description = breach.schema.get("description", "").replace("`", "'")
    if breach.of_key:
        path = (*breach.path, text)
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
    what = "this" if title in _PRIVATE else shown(text)
    yield Violation("E0320" if title == "id" else code, f"{what} is not {_with_article(title)}", breach.path, hint)


def _id_hint(text: str) -> str:
    name = re.sub(r"[^a-z0-9_]+", "_", text.lower()).strip("_")
    name = f"_{name}" if name[:1].isdigit() else name
    return f"use '{name}'" if name else "use lower-case letters, digits and '_'"


def size(breach: Breach) -> Iterator[Violation]:
    """Explain a number out of its bounds."""
    words = {"minimum": "at least", "maximum": "at most", "exclusiveMinimum": "more than"}[breach.keyword]
    yield Violation("E0109", f"{breach.value} is out of bounds: must be {words} {breach.wanted}", breach.path)


def counts(breach: Breach) -> Iterator[Violation]:
    """Explain text, a list or a map with too little or too much in it."""
    keyword, bound = breach.keyword, breach.wanted
    unit = {"Items": "item", "Length": "character", "Properties": "entry"}[keyword[3:]]
    units = unit if bound == 1 else {"entry": "entries"}.get(unit, f"{unit}s")
    words = "at least" if keyword.startswith("min") else "at most"
    path = breach.path
    if breach.of_key:
        yield Violation(
            "E0110",
            f"{shown(breach.value)} must have {words} {bound} {units}",
            (*path, breach.value),
            "",
            at_key=True,
        )
        return
    message = f"must have {words} {bound} {units}, has {len(breach.value)}"
    yield Violation("E0110", message, path)


def repeated(breach: Breach) -> Iterator[Violation]:
    """Explain the items of a list that stand in it twice."""
    seen: set[str] = set()
    for number, item in enumerate(breach.value):
        key = json.dumps(item, sort_keys=True)
        if key in seen:
            yield Violation("E0111", f"{shown(item)} is listed twice", (*breach.path, number), "remove one of them")
        seen.add(key)


def dependent(breach: Breach) -> Iterator[Violation]:
    """Explain a field without the one that it belongs to."""
    for field, wanted in breach.wanted.items():
        for name in wanted:
            if field in breach.value and name not in breach.value:
                path = (*breach.path, field)
                yield Violation(
                    "E0115", f"'{field}' goes only with '{name}'", path, f"remove it, or add '{name}'", at_key=True
                )


def forbidden(breach: Breach) -> Iterator[Violation]:
    """Explain a field that does not go with another one."""
    path = breach.path
    yield Violation(
        "E0115", f"'{path[-1]}' does not go with '{breach.because}'", path, "remove one of them", at_key=True
    )
