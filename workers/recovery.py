"""What a worker does at its start about what an earlier process of it left in the spool."""

import logging
from collections import deque

from engine.broker.messages import Finished, HeldAttempt
from workers.carrier import Carrier
from workers.runners.interface import Recovering
from workers.spool import Entry

log = logging.getLogger(__name__)


def recover(carrier: Carrier, left: deque[Entry]) -> list[HeldAttempt]:
    """Take up the spool; return what the hello names as reattached.

    Results go to the outbox. Attempts that can go on are put into `left`, for the slots. All others are ended here
    and not named, which makes them `lost` to the engine.
    """
    reattached = []
    for entry in carrier.spool.load():
        record = entry.record
        if record.finished is not None:
            _adopt(carrier, entry, record.finished)
            if record.settled:
                continue
        elif _goes_on(carrier, entry):
            carrier.shipper.adopt(entry)
            left.append(entry)
        else:
            carrier.shipper.adopt(entry)
            carrier.shipper.forget(record.claim_id)
            entry.remove()
            continue
        carrier.held.add(record.attempt, record.claim_id)
        reattached.append(HeldAttempt(record.attempt, record.claim_id))
    return reattached


def _adopt(carrier: Carrier, entry: Entry, finished: Finished) -> None:
    carrier.shipper.adopt(entry)
    carrier.outbox.adopt(entry, finished)


def _goes_on(carrier: Carrier, entry: Entry) -> bool:
    runner = carrier.runners.get(entry.record.kind)
    goes_on = isinstance(runner, Recovering) and runner.reattach(entry.record.left())
    log.info("attempt %s of an earlier process %s", entry.record.attempt, "goes on" if goes_on else "is lost")
    return goes_on
