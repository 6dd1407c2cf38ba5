"""Log batches as the store keeps them, opened for those who read them."""

from collections.abc import Iterator

from api.schemas.logs import LogLine
from engine.broker.logs import unpack
from engine.store.reads_logs import LogBatchRow


def lines_of(batch: LogBatchRow) -> Iterator[LogLine]:
    """Give the lines of a batch. Raises `ValueError` for one that cannot be read."""
    for line in unpack(batch.data):
        yield LogLine(
            pos=batch.pos,
            task=batch.task,
            key=batch.key,
            attempt=batch.attempt,
            at=line.at,
            stream=line.stream,
            text=line.text,
        )
