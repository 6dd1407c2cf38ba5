"""Diagnostics as text, JSON, SARIF 2.1.0 and GitHub annotations."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from dsl.diagnostics import Diagnostic
from dsl.loader import LoadResult

WIDTH_MAX: Final = 160
_SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def render(result: LoadResult, style: str) -> str:
    """Return the diagnostics in a style: `text`, `json`, `sarif` or `github`. Raises `KeyError` for any other."""
    return STYLES[style](result)


def _text(result: LoadResult) -> str:
    lines = {file: text.split("\n") for file, text in result.sources.items()}
    return "".join(_one(item, lines.get(item.file, [])) for item in result.diagnostics)


def _one(item: Diagnostic, lines: list[str]) -> str:
    head = f"{item.severity}[{item.code}]: {item.message}\n"
    margin = " " * len(str(item.line))
    place = f"{margin}--> {item.file}:{item.line}:{item.column}\n"
    hint = f" {item.hint}" if item.hint else ""
    if not 1 <= item.line <= len(lines):
        return head + place + (f"{margin} = hint:{hint}\n" if hint else "") + "\n"
    source = lines[item.line - 1].rstrip("\r")
    start = item.column - 1
    end = item.end_column - 1 if item.end_line == item.line else len(source)
    shown, start, end = _window(source, start, max(end, start + 1))
    pad = "".join("\t" if character == "\t" else " " for character in shown[:start])
    carets = "^" * max(min(end, len(shown)) - start, 1)
    return f"{head}{place}{margin} |\n{item.line} | {shown}\n{margin} | {pad}{carets}{hint}\n\n"


def _window(source: str, start: int, end: int) -> tuple[str, int, int]:
    """Cut a long line around the place; return it with the place in it."""
    if len(source) <= WIDTH_MAX:
        return source, start, end
    first = max(0, min(start - WIDTH_MAX // 4, len(source) - WIDTH_MAX))
    return source[first : first + WIDTH_MAX], start - first, min(end - first, WIDTH_MAX)


def _json(result: LoadResult) -> str:
    return msgspec.json.format(msgspec.json.encode(result.diagnostics), indent=2).decode() + "\n"


def _sarif(result: LoadResult) -> str:
    rules = sorted({item.code for item in result.diagnostics})
    driver = {"name": "chronoverse", "rules": [{"id": code} for code in rules]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(item, rules.index(item.code)) for item in result.diagnostics],
    }
    document = {"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _sarif_result(item: Diagnostic, rule: int) -> dict[str, Any]:
    region = {
        "startLine": item.line,
        "startColumn": item.column,
        "endLine": item.end_line,
        "endColumn": item.end_column,
    }
    text = f"{item.message}; {item.hint}" if item.hint else item.message
    return {
        "ruleId": item.code,
        "ruleIndex": rule,
        "level": str(item.severity),
        "message": {"text": text},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": item.file}, "region": region}}],
    }


def _github(result: LoadResult) -> str:
    return "".join(_annotation(item) for item in result.diagnostics)


def _annotation(item: Diagnostic) -> str:
    """One workflow command, as https://docs.github.com/actions/reference/workflow-commands-for-github-actions says."""
    place = f"file={_escaped(item.file)},line={item.line},endLine={item.end_line}"
    if item.end_line == item.line:
        place += f",col={item.column},endColumn={item.end_column}"
    text = f"{item.message}; {item.hint}" if item.hint else item.message
    message = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f"::{item.severity} {place},title={item.code}::{message}\n"


def _escaped(text: str) -> str:
    for character, code in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"), (":", "%3A"), (",", "%2C")):
        text = text.replace(character, code)
    return text


STYLES: Final[Mapping[str, Callable[[LoadResult], str]]] = {
    "text": _text,
    "json": _json,
    "sarif": _sarif,
    "github": _github,
}
