"""Answers to the push webhooks of forges."""

from api.schemas.base import Answer


class PushAnswer(Answer, frozen=True, kw_only=True):
    """What became of a delivery: `synced` (the source is looked at), `ignored` with the reason, or `pong`.

    `commit` is the one that was announced: `GET /sources/{name}/commits/{commit}?wait=60` says what becomes of it.
    """

    outcome: str
    message: str
    commit: str | None
