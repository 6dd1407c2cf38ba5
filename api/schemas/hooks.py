"""Answers to webhooks."""

from api.schemas.base import Answer


class HookAnswer(Answer, frozen=True, kw_only=True):
    """What became of a request: `run` with the run that it started, or `skipped` with the reason."""

    outcome: str
    run: str | None
    message: str
