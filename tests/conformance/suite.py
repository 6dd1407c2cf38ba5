"""The conformance cases: workflow documents with what is given and what must be true, in `cases/*.yaml`.

A file is a map of cases. A case has `workflow` (a document), `others` (documents of its child workflows), `test` (one
of the language of `*.test.yaml`), `simulated_only` (what no real engine could play in a moment) and `fault` (why the
engine is known to be wrong).
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from dsl.loader import load_text
from dsl.model import Workflow
from dsl.syntax import explain
from dsl.testfile.compile import compile_cases
from dsl.testfile.model import Case
from dsl.yaml import parse_documents

CASES: Final = Path(__file__).parent / "cases"
FIELDS: Final = frozenset({"workflow", "others", "test", "simulated_only", "fault"})


@dataclass(frozen=True, slots=True, eq=False)
class Conformance:
    """One case, by `id` (`file/name`). Its workflows have a namespace of their own."""

    id: str
    documents: tuple[dict[str, Any], ...]
    case: Case
    simulated_only: str = ""
    fault: str = ""

    def workflows(self) -> list[Workflow]:
        """Return the workflow and its children, in that order. Fails for one that has errors."""
        text = "\n---\n".join(json.dumps(document) for document in self.documents)
        loaded = load_text(text, f"{self.id}.yaml", namespace=self.namespace)
        wrong = [f"{item.code}: {item.message}" for item in loaded.diagnostics if item.severity == "error"]
        assert not wrong, f"{self.id}: {wrong}"
        found = {item.workflow.name: item.workflow for item in loaded.workflows}
        return [found[document["name"]] for document in self.documents]

    @property
    def namespace(self) -> str:
        """The namespace of its workflows that name none."""
        return self.id.replace("/", ".").replace("_", "-")


@cache
def conformance() -> tuple[Conformance, ...]:
    """Return every case of every file, in order of file and place."""
    return tuple(case for path in sorted(CASES.glob("*.yaml")) for case in _cases(path))


def _cases(path: Path) -> list[Conformance]:
    _, documents, faults = parse_documents(path.read_bytes())
    assert not faults, f"{path}: {faults}"
    return [_case(f"{path.stem}/{name}", value) for name, value in documents[0].value.items()]


def _case(name: str, value: dict[str, Any]) -> Conformance:
    assert value.keys() <= FIELDS, f"{name} has {sorted(value.keys() - FIELDS)}"
    tests = {"tests": {name: value["test"]}}
    assert not (wrong := explain(tests, "test")), f"{name}: {wrong}"
    documents = [_named(value["workflow"], "w"), *value.get("others", ())]
    return Conformance(
        id=name,
        documents=tuple(documents),
        case=compile_cases(tests, {})[0],
        simulated_only=value.get("simulated_only", ""),
        fault=value.get("fault", ""),
    )


def _named(document: dict[str, Any], name: str) -> dict[str, Any]:
    return {"name": name, **document}
