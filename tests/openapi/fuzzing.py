"""The API under schemathesis: requests made of the document, answers held to it.

The random numbers are fixed, so that a run repeats. `CHRONOVERSE_TEST_FUZZ` asks for more examples of each operation.
"""

import os
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import schemathesis
from litestar import Litestar
from schemathesis.engine import events, from_schema

EXAMPLES: Final = int(os.environ.get("CHRONOVERSE_TEST_FUZZ", "5"))
SEED: Final = 20260101
HERE: Final = {"Host": "127.0.0.1:8080"}

_STREAMS: Final = ["followLogs", "followEvents"]
"""Their answers do not end by themselves; tests of their own read them."""
_CLOSING: Final = ["createAccount", "disableAccount", "logIn", "carryOn", "logOut", "createToken", "changePassword"]
"""After them everybody has to prove himself, and nothing else would be reached; or they are slow by design."""
_FAR: Final = ["planRef", "planSource", "syncSource", "getArtifact", "rotateSecrets", "setSecret", "addWebhook"]
"""They are answered with 503 as long as nobody else is there: a syncer, a store, a key."""


class Found(NamedTuple):
    """What is wrong, and the operations that were answered as asked (2xx) at least once."""

    faults: list[str]
    succeeded: set[str]


def faults(app: Litestar, phase: str, known: Mapping[str, str]) -> Found:
    """Return what one phase finds wrong with the application.

    `known` are parameters of paths with values that lead somewhere.
    """
    schema = schemathesis.openapi.from_asgi("/schema/openapi.json", app, config=_config(phase, known), headers=HERE)
    found: dict[str, str] = {}
    succeeded: set[str] = set()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            succeeded |= set(_successes(event))
            found |= dict(_failures(event))
        if isinstance(event, events.NonFatalError):
            found.setdefault(f"{event.label} {event.value}", f"{event.label}: {event.value}")
        if isinstance(event, events.FatalError):
            raise event.exception
    return Found(sorted(found.values()), succeeded)


def _successes(event: events.ScenarioFinished) -> Iterator[str]:
    for case_id, interaction in event.recorder.interactions.items():
        if interaction.response is not None and interaction.response.status_code < 300:
            yield event.recorder.cases[case_id].value.operation.label


def _failures(event: events.ScenarioFinished) -> Iterator[tuple[str, str]]:
    for case_id, checks in event.recorder.checks.items():
        for check in checks:
            failure = check.failure_info
            if failure is None:
                continue
            label = event.recorder.cases[case_id].value.operation.label
            yield f"{label} {check.name}", f"{label}: {failure.failure}\n{failure.code_sample}"


def _config(phase: str, known: Mapping[str, str]) -> schemathesis.Config:
    phases = {each: {"enabled": each == phase} for each in ("examples", "coverage", "fuzzing", "stateful")}
    off: dict[str, Any] = {"enabled": False}
    config = {
        "seed": SEED,
        "workers": 1,
        "continue-on-failure": True,
        "headers": HERE,
        "base-url": "http://127.0.0.1:8080",
        "parameters": dict(known),
        "cache": off,
        "analysis": {"constants": off},
        "phases": phases,
        "generation": {
            "deterministic": True,
            "max-examples": EXAMPLES * (20 if phase == "stateful" else 1),  # one is one walk through the whole
            "no-shrink": True,
            "database": "none",
            "mode": "positive" if phase == "stateful" else "all",
        },
        "checks": {
            "positive_data_acceptance": off,  # texts of times, ids and expressions are checked by more than a schema
            "ignored_auth": off,  # a machine's own programs need no token
            "use_after_free": off,
        },
        "operations": [
            {"include-operation-id": [*_STREAMS, *_CLOSING], "enabled": False},
            {"include-operation-id": _FAR, "checks": {"not_a_server_error": off}},
        ],
    }
    return schemathesis.Config.from_dict(config)
