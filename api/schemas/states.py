"""How the process stands, and why a run or a workflow is not running."""

from api.schemas.base import Answer
from engine.services.explanations import Check


class Explanation(Answer, frozen=True, kw_only=True):
    """What the engine asks before it goes on, each with its answer. `summary` says it in a sentence."""

    summary: str
    checks: list[Check]


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
