"""The conformance cases: workflow documents with what is given and what must be true, in `cases/*.yaml`.

A file is a map of cases; `README.md` says what a case has.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

from dsl.loader import load_text
from dsl.model import Workflow
from dsl.syntax import explain
from dsl.testfile.compile import compile_cases
from dsl.testfile.model import Case, Expected
from dsl.yaml import parse_documents

CASES: Final = Path(__file__).parent / "cases"
FIELDS: Final = frozenset({"workflow", "others", "test", "engine", "fires", "misses", "as_written", "simulated_only"})
_NOTHING: Final = {"expect": {"state": "succeeded"}}


class Span(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"begin": "from"}):
    """Times of a trigger, or of what is caught up of it, between two moments; `spread` is its longest delay."""

    begin: datetime
    until: datetime
    at: tuple[datetime, ...]
    spread: str = ""


class Beside(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What only an engine with a store can show: other runs, notices, what a run brings forth.

    `before` are the inputs of runs that end before this one begins, `beside` of runs that run when it does and how they
    end. `expect` is what is true of the run itself, where that is not what simulated time shows.
    """

    before: tuple[dict[str, Any], ...] = ()
    beside: tuple[dict[str, Any], ...] = ()
    beside_end: tuple[str, ...] = ()
    expect: dict[str, Any] | None = None
    told: tuple[str, ...] | None = None
    paused: bool | None = None
    brings: dict[str, int] = {}


@dataclass(frozen=True, slots=True, eq=False)
class Conformance:
    """One case, by `id` (`file/name`). Its workflows have a namespace of their own.

    `expect` is what must be true on a real engine. With `as_written`, scripts there are what the file says, and time is
    not shortened.
    """

    id: str
    documents: tuple[dict[str, Any], ...]
    case: Case
    expect: Expected
    engine: Beside
    fires: dict[str, Span]
    misses: dict[str, Span]
    as_written: bool = False
    simulated_only: str = ""

    def workflows(self) -> list[Workflow]:
        """Return the workflow and its children, in that order. Fails for one that has errors."""
        text = "\n---\n".join(json.dumps(document) for document in self.documents)
        loaded = load_text(text, f"{self.id}.yaml", namespace=self.namespace)
        wrong = [f"{item.code}: {item.message}" for item in loaded.diagnostics if item.severity == "error"]
        assert not wrong, f"{self.id}: {wrong}"
        found = {item.workflow.name: item.workflow for item in loaded.workflows}
        return [found[document["name"]] for document in self.documents]

    @property
    def timed(self) -> bool:
        """Whether time passes while it is played, besides what the attempts' results say."""
        return self.as_written or self.case.cancel_after_seconds is not None

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
    documents = [_named(value["workflow"], "w"), *value.get("others", ())]
    engine = msgspec.convert(value.get("engine", {}), Beside)
    case = _compiled(name, value.get("test", _NOTHING))
    other = None if engine.expect is None else _compiled(name, {"expect": engine.expect})
    return Conformance(
        id=name,
        documents=tuple(documents),
        case=case,
        expect=(other or case).expect,
        engine=engine,
        fires=msgspec.convert(value.get("fires", {}), dict[str, Span]),
        misses=msgspec.convert(value.get("misses", {}), dict[str, Span]),
        as_written=value.get("as_written", False),
        simulated_only=value.get("simulated_only", ""),
    )


def _compiled(name: str, test: dict[str, Any]) -> Case:
    tests = {"tests": {name: test}}
    assert not (wrong := explain(tests, "test")), f"{name}: {wrong}"
    return compile_cases(tests, {})[0]


def _named(document: dict[str, Any], name: str) -> dict[str, Any]:
    return {"name": name, **document}
