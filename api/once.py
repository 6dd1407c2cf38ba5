"""Requests that are carried out once, however often they are sent: the header `Idempotency-Key`."""

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

from api.parameters import read_key
from api.schemas.runs import Run
from engine.services.actions import Once, Replay

_canonical = msgspec.json.Encoder(order="sorted")


def once_of(key: str | None, asked: Any, status: int, answer: Callable[[Any], Any]) -> Once | None:
    """Return how the request is to be carried out once; None without a key.

    `answer` makes the answer of what the action gives. Raises `RefusedError` for a key that cannot be kept.
    """
    wanted = read_key(key)
    if wanted is None:
        return None
    digest = hashlib.sha256(_canonical.encode(asked)).hexdigest()
    return Once(wanted, digest, status, lambda made: msgspec.to_builtins(answer(made)))


def run_of(made: Any) -> Run:
    """Return the run that an action made, or the answer that an earlier request for it was given."""
    return msgspec.convert(made.response, Run) if isinstance(made, Replay) else Run.created(made)
