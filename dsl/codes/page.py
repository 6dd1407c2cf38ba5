"""The reference of diagnostics (`docs/diagnostics.md`), made from the registry."""

from typing import Final

from dsl.codes.entry import Code
from dsl.codes.registry import CODES

_HEAD: Final = """# Diagnostics

Made from `dsl/codes` by `make docs`; a test proves that each wrong example yields its code at the place stated, and
that each right one loads clean. `E` refuses a workflow, `W` warns. A code keeps its meaning for good.

"""
_GROUPS: Final = {
    "0": "The file and its YAML",
    "1": "The shape",
    "2": "Workflows, inputs, triggers",
    "3": "Tasks",
    "4": "Expressions",
    "5": "Several files",
    "6": "Tests of workflows",
    "9": "This version",
}


def page() -> str:
    """Return the reference: a table of all codes, then a section for each."""
    rows = [f"| [{item.code}](#{item.code.lower()}) | {item.title} |" for item in CODES.values()]
    parts = [_HEAD, "| code | meaning |\n| --- | --- |\n", "\n".join(rows), "\n"]
    group = ""
    for item in CODES.values():
        if item.code[2] != group:
            group = item.code[2]
            parts.append(f"\n## {_GROUPS[group]}\n")
        parts.append(section(item))
    return "".join(parts)


def section(item: Code) -> str:
    """Return what is to be said about one code."""
    parts = [f"\n### {item.code}\n\n**{item.title[0].upper()}{item.title[1:]}.** {item.explanation}\n"]
    if item.wrong or item.shown:
        place = "" if item.shown else f", at line {item.line}, column {item.column}"
        parts.append(f"\nWrong{place}:\n\n```yaml\n{_text(item)}\n```\n")
    if item.right:
        parts.append(f"\nRight:\n\n```yaml\n{item.right.rstrip()}\n```\n")
    return "".join(parts)


def _text(item: Code) -> str:
    text = item.shown or item.wrong
    assert isinstance(text, str), f"{item.code} needs `shown`: its example is not text"
    return text.rstrip()
