"""Running an ended run again: what is asked, and what becomes of each task."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta, field

from api.schemas.base import Answer, Ask
from api.schemas.runs import Run
from engine.services.verdicts import Verdict

if TYPE_CHECKING:  # the command line reads these types, and must not load the engine for them
    from engine.services.run_again import Resumed
    from engine.services.taking_over import Decision

RevisionNumber = Annotated[int, Meta(ge=1, description="A revision's number.")]


class RetryRequest(Ask, frozen=True, kw_only=True):
    """From where to do it again: `from` names a task; without it, from what had not succeeded."""

    start: str | None = field(default=None, name="from")


class RerunRequest(Ask, frozen=True, kw_only=True):
    """What runs again, and on which revision: the latest, the one that ran, or one by its number.

    `from` names a task: what is not that task or below it is taken over. `inputs` replace earlier ones by name; they
    cannot be given together with `from`.
    """

    revision: Literal["latest", "original"] | RevisionNumber = "latest"
    start: str | None = field(default=None, name="from")
    inputs: dict[str, Any] = field(default_factory=dict)


class ResumeRequest(Ask, frozen=True, kw_only=True):
    """On which revision and with which inputs to go on. `dry_run` says what would become of each task, and no more."""

    revision: Literal["latest", "original"] | RevisionNumber = "latest"
    inputs: dict[str, Any] = field(default_factory=dict)
    dry_run: bool = False


class ResumedTask(Answer, frozen=True, kw_only=True):
    """What becomes of one main task: taken over from the earlier run (`reused`), or run, and why."""

    task: str
    reused: bool
    why: Verdict
    message: str

    @classmethod
    def of(cls, decision: "Decision") -> "ResumedTask":
        """Return the decision as the API shows it."""
        return cls(task=decision.task, reused=decision.reused, why=decision.verdict, message=decision.message)


class ResumeAnswer(Answer, frozen=True, kw_only=True):
    """The new run (none for `dry_run`), the revision it is of, and what becomes of each main task."""

    run: Run | None
    revision: int
    tasks: list[ResumedTask]

    @classmethod
    def of(cls, resumed: "Resumed") -> "ResumeAnswer":
        """Return the answer to a resume."""
        run = None if resumed.run is None else Run.created(resumed.run)
        return cls(run=run, revision=resumed.revision, tasks=[ResumedTask.of(item) for item in resumed.tasks])
