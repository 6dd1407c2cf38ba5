"""Many runs cancelled or retried with one request."""

from litestar import post
from litestar.params import JSONBody

from api.authentication import Asking
from api.batch import carried_out
from api.dependencies import Injected
from api.once import once_of, run_of
from api.parameters import IdempotencyKey
from api.problems import RESPONSES
from api.schemas.batches import BatchPage, BatchRequest, CancelRunsRequest
from api.schemas.run_again import RetryRequest
from api.schemas.runs import CancelRequest, Run
from engine.machine.states import RUN_TERMINAL, RunState

_GOING_ON = sorted(str(state) for state in set(RunState) - set(RUN_TERMINAL))
_TO_RETRY = [str(RunState.FAILED)]


@post(
    "/cancel",
    status_code=200,
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="cancelRuns",
    summary="Cancel runs",
)
def cancel_runs(
    services: Injected, caller: Asking, data: JSONBody[CancelRunsRequest], idempotency_key: IdempotencyKey = None
) -> BatchPage:
    """Ask for the end of many runs, by their ids or by what the list of runs is asked with.

    A filter without `state` means those that have not ended. Each run has an outcome of its own.
    """
    each = CancelRequest(force=data.force)

    def cancel(run_id: str) -> None:
        once = once_of(idempotency_key, each, 202, Run.of)
        services.actions.cancel(run_id, forced=each.force, by=caller.name, once=once)

    return carried_out(services.database, caller, data, cancel, ended=False, default=_GOING_ON)


@post(
    "/retry",
    status_code=200,
    sync_to_thread=True,
    responses=RESPONSES,
    operation_id="retryRuns",
    summary="Retry runs",
)
def retry_runs(
    services: Injected, caller: Asking, data: JSONBody[BatchRequest], idempotency_key: IdempotencyKey = None
) -> BatchPage:
    """Retry many runs, by their ids or by what the list of runs is asked with.

    A filter without `state` means those that failed. Each run has an outcome of its own. Under
    the same `Idempotency-Key` no run is retried twice.
    """

    def retry(run_id: str) -> str:
        once = once_of(idempotency_key, RetryRequest(), 201, Run.created)
        return run_of(services.actions.again.retry(run_id, once=once)).id

    return carried_out(services.database, caller, data, retry, ended=True, default=_TO_RETRY)


HANDLERS = [cancel_runs, retry_runs]
