"""Ended runs run again: retried, rerun, resumed."""

import msgspec
from litestar import Response, post
from litestar.params import FromPath, JSONBody

from api.dependencies import Injected
from api.once import once_of, run_of
from api.parameters import IdempotencyKey
from api.parameters import run_id as checked_id
from api.problems import RESPONSES
from api.routes.workflows import created
from api.schemas.run_again import RerunRequest, ResumeAnswer, ResumeRequest, RetryRequest
from api.schemas.runs import Run
from engine.services.actions import Replay


@post("/{run_id:str}/retry", sync_to_thread=True, responses=RESPONSES, operation_id="retryRun", summary="Retry a run")
def retry_run(
    services: Injected,
    run_id: FromPath[str],
    data: JSONBody[RetryRequest | None] = None,
    idempotency_key: IdempotencyKey = None,
) -> Response[Run]:
    """Create a run on the same revision that takes over what succeeded and does the rest again.

    With `from`, that task and all below it are done again too.
    """
    asked = data or RetryRequest()
    once = once_of(idempotency_key, asked, 201, Run.created)
    return created(run_of(services.actions.again.retry(checked_id(run_id), start=asked.start, once=once)))


@post("/{run_id:str}/rerun", sync_to_thread=True, responses=RESPONSES, operation_id="rerunRun", summary="Run again")
def rerun_run(
    services: Injected,
    run_id: FromPath[str],
    data: JSONBody[RerunRequest | None] = None,
    idempotency_key: IdempotencyKey = None,
) -> Response[Run]:
    """Create a run with the same inputs, but for those given, on the latest revision or another.

    With `from`, what is not that task or below it is taken over, if it succeeded.
    """
    asked = data or RerunRequest()
    once = once_of(idempotency_key, asked, 201, Run.created)
    made = services.actions.again.rerun(
        checked_id(run_id), revision=asked.revision, start=asked.start, inputs=asked.inputs, once=once
    )
    return created(run_of(made))


@post(
    "/{run_id:str}/resume",
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="resumeRun",
    summary="Resume a run",
)
def resume_run(
    services: Injected,
    run_id: FromPath[str],
    data: JSONBody[ResumeRequest | None] = None,
    idempotency_key: IdempotencyKey = None,
) -> Response[ResumeAnswer]:
    """Create a run that takes over what is still valid, and say of each task why it is taken over or runs.

    A task is valid if it succeeded, its definition and the values that its expressions use are the same, and all that
    it needs is valid. With `dry_run` nothing is made, and the answer is 200.
    """
    asked = data or ResumeRequest()
    once = once_of(idempotency_key, asked, 201, ResumeAnswer.of)
    made = services.actions.again.resume(
        checked_id(run_id), revision=asked.revision, inputs=asked.inputs, dry_run=asked.dry_run, once=once
    )
    answer = msgspec.convert(made.response, ResumeAnswer) if isinstance(made, Replay) else ResumeAnswer.of(made)
    if answer.run is None:
        return Response(answer, status_code=200)
    return Response(answer, status_code=201, headers={"Location": f"/api/v1/runs/{answer.run.id}"})


HANDLERS = [retry_run, rerun_run, resume_run]
