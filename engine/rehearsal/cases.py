"""One case: play it, and compare what came of it with what must be true."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from dsl.model import Workflow
from dsl.suggest import did_you_mean
from dsl.testfile.model import Case
from engine.machine.creation import new_run
from engine.machine.events import Cancel, Start
from engine.machine.execution import Execution
from engine.machine.graph import Graph
from engine.machine.model import Run
from engine.rehearsal.comparison import Comparison, Problem
from engine.rehearsal.coverage import Coverage
from engine.rehearsal.mocks import Mocks, UnmockedError
from engine.rehearsal.stage import EndlessError, Stage

RUN_ID: Final = "01890000-0000-7000-8000-000000000000"


@dataclass(slots=True)
class Outcome:
    """What came of one case."""

    case: Case
    problems: list[Problem] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether everything is as it must be."""
        return not self.problems


def rehearse(workflow: Workflow, graph: Graph, case: Case, coverage: Coverage) -> Outcome:
    """Play the case on the workflow and compare. Raises nothing for whatever a test may say.

    That the workflow has the tasks and the trigger that the case names has been seen to by `unknown_names`.
    """
    outcome = Outcome(case)
    mocks = Mocks(case.mocks)
    execution = Execution.of(_run(workflow, graph, case), graph)
    stage = Stage(execution, mocks, case.at, case.secrets)
    stage.at(case.at, Start())
    if case.cancel_after_seconds is not None:
        stage.at(case.at + timedelta(seconds=case.cancel_after_seconds), Cancel(by="the test"))
    try:
        stage.play()
    except (EndlessError, UnmockedError) as error:
        outcome.problems.append(Problem((), str(error)))
    coverage.note(execution)
    outcome.problems += _mocks_of_no_item(execution.run, case)
    if outcome.passed:
        outcome.problems += Comparison(stage, case).problems()
    return outcome


def _mocks_of_no_item(run: Run, case: Case) -> list[Problem]:
    """Return the mocks of items that the run's fan-outs do not have."""
    problems = []
    for mock in case.mocks:
        task, bracket, _ = mock.partition("[")
        known = [f"{task}[{item.key}]" for item in run.items.get(task, ())]
        if bracket and known and mock not in known:
            hint = did_you_mean(mock, known)
            problems.append(Problem(("mocks", mock), f"the fan-out has no such item{_hint(hint)}"))
    return problems


def _run(workflow: Workflow, graph: Graph, case: Case) -> Run:
    trigger = {"kind": "manual", "fired_at": case.at.isoformat(), **case.trigger}
    return new_run(
        run_id=RUN_ID,
        graph=graph,
        workflow_id="workflow",
        revision_id="revision",
        revision=1,
        trigger=trigger,
        trigger_name=trigger.get("name"),
        inputs=case.inputs,
        labels=workflow.labels,
        now=case.at,
    )


def _hint(hint: str) -> str:
    return f"; {hint}" if hint else ""
