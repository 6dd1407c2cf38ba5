"""Test files, one after another: their workflows loaded once, their cases played, what no test reached collected."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dsl.diagnostics import Diagnostic, diagnostic, has_errors
from dsl.loader import LoadResult, load_paths
from dsl.model import Workflow
from dsl.testfile import Loaded, load_test_file, unknown_names
from engine.machine.graph import Graph
from engine.rehearsal.cases import Outcome, rehearse
from engine.rehearsal.coverage import Coverage


@dataclass(slots=True)
class Told:
    """One thing to tell of a failed case, with the line of the expectation."""

    line: int
    place: str
    message: str


@dataclass(slots=True)
class CaseReport:
    """What came of one case; `seconds` is real time."""

    file: str
    name: str
    line: int
    told: list[Told]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether everything was as it must be."""
        return not self.told


@dataclass(slots=True)
class Report:
    """What came of all. `faults` are of files that could not be used, `sources` their texts."""

    cases: list[CaseReport] = field(default_factory=list)
    faults: list[Diagnostic] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)
    coverage: dict[str, Coverage] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether every case passed and every file could be used."""
        return all(case.passed for case in self.cases) and not self.unusable and not has_errors(self.faults)

    @property
    def share(self) -> float:
        """The share of all workflows' points that a test reached, from 0 to 1."""
        points = sum(len(coverage.all) for coverage in self.coverage.values())
        missed = sum(len(coverage.missed) for coverage in self.coverage.values())
        return 1.0 if not points else 1 - missed / points


class Suite:
    """Plays test files. `pattern` keeps only cases whose `file::name` contains it."""

    def __init__(self, pattern: str = "", *, fail_fast: bool = False) -> None:
        self._pattern = pattern
        self._fail_fast = fail_fast
        self._workflows: dict[Path, LoadResult] = {}
        self._graphs: dict[tuple[str, str], Graph] = {}
        self.report = Report()

    def play(self, files: Iterable[Path]) -> Iterator[CaseReport]:
        """Play the files' cases, giving each when it has ended; `report` has all of it afterwards."""
        for path in files:
            loaded = load_test_file(path)
            self.report.faults += loaded.diagnostics
            self.report.sources[str(path)] = loaded.text
            workflow = self._workflow(loaded) if loaded.document is not None else None
            for case in self._cases(loaded, workflow):
                self.report.cases.append(case)
                yield case
                if self._fail_fast and not case.passed:
                    return

    def _cases(self, loaded: Loaded, workflow: Workflow | None) -> Iterator[CaseReport]:
        if workflow is None or loaded.document is None:
            return
        faults = unknown_names(loaded.document, workflow)
        self.report.faults += [diagnostic(fault, str(loaded.path)) for fault in faults]
        if faults:
            return
        key = (str(loaded.workflow_file), workflow.name)
        if key not in self._graphs:
            self._graphs[key] = Graph.of(workflow)
            self.report.coverage[f"{key[0]} ({workflow.name})"] = Coverage(self._graphs[key])
        coverage = self.report.coverage[f"{key[0]} ({workflow.name})"]
        for case in loaded.cases:
            if self._pattern in f"{loaded.path}::{case.name}":
                begun = time.perf_counter()
                outcome = rehearse(workflow, self._graphs[key], case, coverage)
                seconds = time.perf_counter() - begun
                yield CaseReport(str(loaded.path), case.name, case.line, _told(loaded, outcome), seconds)

    def _workflow(self, loaded: Loaded) -> Workflow | None:
        """Return the workflow that a file tests; None where it cannot be had, which is then told."""
        path = loaded.workflow_file
        if not path.is_file():
            self._refuse(f"{loaded.path}: there is no file {path}; hint: name the workflow's file with 'workflow:'")
            return None
        if path not in self._workflows:
            self._workflows[path] = load_paths([path])
            self.report.faults += self._workflows[path].diagnostics
            self.report.sources |= self._workflows[path].sources
        found = [item.workflow for item in self._workflows[path].workflows]
        wanted = [item for item in found if loaded.workflow_name in (None, item.name)]
        if len(wanted) != 1:
            names = ", ".join(item.name for item in found) or "none that can be used"
            self._refuse(f"{loaded.path}: {path} holds these workflows: {names}; hint: choose one with 'name:'")
            return None
        return wanted[0]

    def _refuse(self, message: str) -> None:
        self.report.unusable.append(message)


def _told(loaded: Loaded, outcome: Outcome) -> list[Told]:
    told = []
    for problem in outcome.problems:
        beneath = problem.path if problem.path[:1] in {("mocks",), ("trigger",)} else ("expect", *problem.path)
        line = loaded.line("tests", outcome.case.name, *(beneath if problem.path else ()))
        told.append(Told(line, ".".join(map(str, problem.path)), problem.message))
    return told
