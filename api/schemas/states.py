"""How the process stands, and why a run or a workflow is not running."""

from typing import TYPE_CHECKING, Self

from api.schemas.base import Answer

if TYPE_CHECKING:  # the command line reads these types, and must not load the store for them
    from engine.services import explanations


class Check(Answer, frozen=True, kw_only=True):
    """One question that the engine asks, whether its answer lets things go on, and the answer to a person."""

    check: str
    ok: bool
    detail: str


class Explanation(Answer, frozen=True, kw_only=True):
    """What the engine asks before it goes on, each with its answer. `summary` says it in a sentence."""

    summary: str
    checks: list[Check]

    @classmethod
    def of(cls, summary: str, checks: "list[explanations.Check]") -> Self:
        """Return what was found."""
        return cls(summary=summary, checks=[Check(check=item.check, ok=item.ok, detail=item.detail) for item in checks])


class Live(Answer, frozen=True, kw_only=True):
    """The process answers."""

    status: str = "ok"


class ReadyCheck(Answer, frozen=True, kw_only=True):
    """One thing that the process needs; `detail` says what is wrong with it."""

    ok: bool
    detail: str


class Ready(Answer, frozen=True, kw_only=True):
    """Whether the process can do its work."""

    status: str
    checks: dict[str, ReadyCheck]
