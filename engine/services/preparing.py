"""Asking workers to pull images ahead of time. Losing this costs a later pull, nothing else."""

from collections.abc import Iterable

from engine.broker.interface import Broker
from engine.broker.messages import Prepare, encode
from engine.store.readiness import Preparation


def ask_for_images(broker: Broker, wanted: Iterable[Preparation]) -> None:
    """Ask the workers of each pool."""
    for item in wanted:
        message = Prepare(
            namespace=item.namespace,
            workflow=item.workflow,
            revision_id=item.revision_id,
            images=list(item.images),
        )
        broker.broadcast(item.pool, encode(message))
