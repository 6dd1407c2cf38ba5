"""Webhook triggers: a signed request that starts a run. What is not signed well is told nothing.

Two signatures are understood, both HMAC-SHA-256 (RFC 2104) over the raw body: GitHub's `X-Hub-Signature-256`, and our
`X-Chronoverse-Signature: t=UNIX_TIME,v1=HEX` over `TIME.BODY`, which is taken for five minutes only. A signature that
was taken is not taken again for a day: its answer is given again.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs

from dsl.expressions import ExpressionError, Field
from dsl.model import WebhookTrigger
from engine.broker.interface import Broker
from engine.clock import Clock, NewId
from engine.machine.context import run_lookup
from engine.machine.creation import new_run
from engine.machine.model import Run
from engine.services.revision_cache import ReadyRevision, RevisionCache
from engine.services.secrets import Secrets
from engine.services.wakes import wake
from engine.signed_requests import BodyError, UnsignedError, hex_signature, lowered, matches, read_json
from engine.store.database import Database
from engine.store.idempotency import StoredAnswer, find_answer, keep_answer
from engine.store.reads_workflows import WorkflowRow, read_workflow
from engine.store.runs import create_runs
from engine.telemetry.context import carrier_here

log = logging.getLogger(__name__)

KIND: Final = "webhook"
TOLERANCE_SECONDS: Final = 300.0
_OWN: Final = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")
_HIDDEN: Final = frozenset(
    {"authorization", "cookie", "proxy-authorization", "x-hub-signature", "x-hub-signature-256"}
    | {"x-chronoverse-signature"}
)
"""Headers that expressions do not see."""


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a request: `run` or `skipped`, and the run or the reason."""

    outcome: str
    run: str | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class _Target:
    """A live webhook trigger."""

    workflow: WorkflowRow
    revision: ReadyRevision
    name: str
    trigger: WebhookTrigger


class Hooks:
    """Receives requests. May be called from any thread."""

    def __init__(
        self,
        database: Database,
        broker: Broker,
        revisions: RevisionCache,
        secrets: Secrets,
        clock: Clock,
        ids: NewId,
    ) -> None:
        self._database = database
        self._broker = broker
        self._revisions = revisions
        self._secrets = secrets
        self._clock = clock
        self._ids = ids

    def receive(self, namespace: str, name: str, trigger: str, headers: Mapping[str, str], body: bytes) -> Received:
        """Check the signature and start a run, or say why not. Raises `UnsignedError`, `BodyError`."""
        headers = lowered(headers)
        now = self._clock()
        target = self._target(namespace, name, trigger)
        signature = self._checked(namespace, target, headers, body, now)
        assert target is not None
        scope = f"hook:{target.workflow.id}:{trigger}"
        with self._database.read() as connection:
            known = find_answer(connection, scope, signature, now)
        if known is not None:
            return Received(**known.response)
        if target.workflow.paused_at is not None:
            return Received("skipped", message="the workflow is paused")
        run, why = self._run(target, headers, body, now)
        received = Received("skipped", message=why) if run is None else Received("run", run.id, run.fault)
        return self._keep(scope, signature, received, run, now)

    def _target(self, namespace: str, name: str, trigger: str) -> _Target | None:
        with self._database.read() as connection:
            workflow = read_workflow(connection, namespace, name)
        if workflow is None or workflow.archived_at is not None or workflow.active_revision_id is None:
            return None
        try:
            revision = self._revisions.get(workflow.active_revision_id)
        except ValueError as error:  # whose secret it is cannot be known then, so nobody can be told of it
            log.error("webhook %s of %s/%s: its revision cannot be read: %s", trigger, namespace, name, error)
            return None
        spec = revision.graph.workflow.triggers.get(trigger)
        return _Target(workflow, revision, trigger, spec) if isinstance(spec, WebhookTrigger) else None

    def _checked(
        self, namespace: str, target: _Target | None, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> str:
        """Return the signature, which was made with the trigger's secret. Raises `UnsignedError`."""
        found = self._secrets.read(namespace, [target.trigger.secret]) if target is not None else None
        secret = next(iter(found.values.values()), "") if found is not None else ""
        signed, given = _signature(headers, body, now)
        if not matches(hex_signature(secret, signed), given) or not secret:
            raise UnsignedError("the request is not signed with this trigger's secret, or there is no such trigger")
        return given

    def _run(self, target: _Target, headers: Mapping[str, str], body: bytes, now: datetime) -> tuple[Run | None, str]:
        shown = {name: value for name, value in headers.items() if name not in _HIDDEN}
        trigger = {"kind": KIND, "name": target.name, "fired_at": now.isoformat()}
        revision = target.revision
        run = new_run(
            run_id=self._ids(),
            graph=revision.graph,
            workflow_id=target.workflow.id,
            revision_id=revision.id,
            revision=revision.number,
            trigger={**trigger, "body": _parsed(body, shown.get("content-type", "")), "headers": shown},
            trigger_name=target.name,
            inputs={},
            now=now,
            commit=revision.commit,
            trace=carrier_here(),
        )
        condition = target.trigger.condition
        try:
            if condition is None or revision.graph.evaluator.condition(Field.TRIGGER_IF, condition, run_lookup(run)):
                return run, ""
        except ExpressionError as error:
            return None, f"its condition cannot be worked out: {error}"
        return None, f"its condition is false: {condition}"

    def _keep(self, scope: str, signature: str, received: Received, run: Run | None, now: datetime) -> Received:
        response = {"outcome": received.outcome, "run": received.run, "message": received.message}
        with self._database.write() as connection:
            if not keep_answer(connection, scope, signature, StoredAnswer("", 202, response), now):
                known = find_answer(connection, scope, signature, now)
                assert known is not None, "an answer that is in the way can be read"
                return Received(**known.response)
            create_runs(connection, [] if run is None else [run])
        if run is not None:
            wake(self._broker, [run.id])
        return received


def _signature(headers: Mapping[str, str], body: bytes, now: datetime) -> tuple[bytes, str]:
    """Return what was signed and the signature (hex). Raises `UnsignedError`."""
    own = _OWN.fullmatch(headers.get("x-chronoverse-signature", ""))
    if own is not None:
        if abs(now.timestamp() - int(own[1])) > TOLERANCE_SECONDS:
            raise UnsignedError("the signature's time is more than five minutes away")
        return own[1].encode() + b"." + body, own[2]
    kind, _, given = headers.get("x-hub-signature-256", "").partition("=")
    if kind != "sha256" or not given.isascii():
        raise UnsignedError("the request is not signed; hint: X-Hub-Signature-256 or X-Chronoverse-Signature")
    return body, given.lower()


def _parsed(body: bytes, content_type: str) -> Any:
    """Return the body as expressions see it: JSON, a form's fields, or text.

    Raises `BodyError` for what says that it is JSON, looks like it, and is none.
    """
    text = body.decode("utf-8", "replace")
    if content_type.startswith("application/x-www-form-urlencoded"):
        return {name: values[0] if len(values) == 1 else values for name, values in parse_qs(text).items()}
    try:
        return read_json(body, Any)
    except BodyError:
        if "json" in content_type and text.lstrip()[:1] in {"{", "["}:
            raise
        return text
