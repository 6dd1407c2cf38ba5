"""Writes the generated parts of docs/ again (`python -m tests.docs`); a test proves that they are current."""

import json
from collections.abc import Mapping
from pathlib import Path

from cli.reference import reference
from dsl import reference as language
from dsl.codes.page import page as diagnostics
from dsl.defaults.schema import derive
from engine.machine.states import RUN_ARROWS, TASK_ARROWS, RunState, TaskState
from engine.settings import SETTINGS
from engine.telemetry.attributes import MEANINGS, SPANS
from engine.telemetry.instruments import INSTRUMENTS
from engine.telemetry.logs import FIELDS
from engine.telemetry.prometheus import sample_names
from schemas import load
from tests.openapi.document import problems_table, text

DOCS = Path(__file__).parent.parent / "docs"
SCHEMAS = DOCS.parent / "schemas"


def settings_table() -> str:
    """The settings, a row each."""
    rows = ["| variable | default | meaning |", "| --- | --- | --- |"]
    for setting in SETTINGS.values():
        meaning = setting.description.replace("|", chr(92) + "|")
        default = f"`{setting.default}`" if setting.default else ""
        rows.append(f"| `{setting.variable}` | {default} | {meaning} |")
    return "\n".join(rows)


def instruments_table() -> str:
    """The numbers that processes tell, a row each."""
    rows = ["| OpenTelemetry | Prometheus | kind | unit | attributes | meaning |", "| --- " * 6 + "|"]
    for each in INSTRUMENTS:
        attributes = ", ".join(f"`{name}`" for name in each.attributes)
        name = sample_names(each)[0].removesuffix("_bucket")
        rows.append(f"| `{each.name}` | `{name}` | {each.kind} | `{each.unit}` | {attributes} | {each.meaning} |")
    return "\n".join(rows)


def spans_table() -> str:
    """The spans, a row each."""
    rows = ["| span | below | told by | attributes |", "| --- " * 4 + "|"]
    for each in SPANS:
        attributes = ", ".join(f"`{name}`" for name in each.attributes)
        rows.append(f"| {each.name} | {each.below} | {each.teller} | {attributes} |")
    return "\n".join(rows)


def meanings(title: str, of: Mapping[str, str]) -> str:
    """Names with what they mean, a row each."""
    rows = [f"| `{name}` | {meaning} |" for name, meaning in of.items()]
    return "\n".join([f"| {title} | meaning |", "| --- | --- |", *rows])


def observability_page() -> str:
    """The page with every name that processes tell."""
    page = (DOCS / "observability.md").read_text(encoding="utf-8")
    page = between(page, "instruments", instruments_table())
    page = between(page, "spans", spans_table())
    page = between(page, "attributes", meanings("attribute", MEANINGS))
    return between(page, "log fields", meanings("field", FIELDS))


def diagram(arrows: dict[RunState, frozenset[RunState]] | dict[TaskState, frozenset[TaskState]], first: str) -> str:
    """The legal arrows as a Mermaid diagram."""
    lines = ["```mermaid", "stateDiagram-v2", "    direction LR", f"    [*] --> {first}"]
    for state, targets in arrows.items():
        lines += [f"    {state} --> {target}" for target in sorted(targets)]
    return "\n".join([*lines, "```"])


def between(text: str, name: str, content: str) -> str:
    """Put content between the marks of that name."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    head, _, rest = text.partition(begin)
    _, _, tail = rest.partition(end)
    return f"{head}{begin}\n\n{content}\n\n{end}{tail}"


def generated() -> dict[Path, str]:
    """Every page that is generated, wholly or in part, as it should be."""
    operations = (DOCS / "operations.md").read_text(encoding="utf-8")
    architecture = (DOCS / "architecture.md").read_text(encoding="utf-8")
    architecture = between(architecture, "run states", diagram(RUN_ARROWS, "queued"))
    architecture = between(architecture, "task states", diagram(TASK_ARROWS, "pending"))
    return {
        DOCS / "operations.md": between(operations, "settings", settings_table()),
        DOCS / "architecture.md": architecture,
        DOCS / "observability.md": observability_page(),
        DOCS / "openapi.json": text(),
        DOCS / "api.md": between((DOCS / "api.md").read_text(encoding="utf-8"), "problems", problems_table()),
        DOCS / "cli.md": reference(),
        DOCS / "diagnostics.md": diagnostics(),
        SCHEMAS / "defaults.schema.json": json.dumps(derive(load("workflow")), indent=2, ensure_ascii=False) + "\n",
        DOCS / "language.md": language.page(
            (DOCS.parent / "workflows" / "order-report.yaml").read_text(encoding="utf-8")
        ),
    }


if __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8")
