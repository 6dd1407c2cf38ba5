"""Log batches: each once, with positions that have no gap."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select

from engine.store.database import Database
from engine.store.logs import NewBatch, append_batches
from engine.store.tables import log_batches
from tests.contract.store.conftest import NOW
from tests.contract.store.rows import CLAIM, RUN, TASK

OTHER = "01890000-0000-7000-8000-000000000002"
BYTES = bytes(range(256))


def batch(number: int, task_run_id: str = TASK, attempt: int = 1, data: bytes = BYTES) -> NewBatch:
    return NewBatch(task_run_id, attempt, CLAIM, number, 3, data)


def append(database: Database, *batches: NewBatch) -> None:
    with database.write() as connection:
        append_batches(connection, batches, NOW)


def positions(database: Database, run_id: str = RUN) -> list[tuple[int, int, int]]:
    columns = (log_batches.c.pos, log_batches.c.attempt, log_batches.c.batch_no)
    query = select(*columns).where(log_batches.c.run_id == run_id).order_by(log_batches.c.pos)
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_batches_are_numbered_from_one_within_a_run(database: Database) -> None:
    append(database, batch(1), batch(1, f"{OTHER}-0"), batch(2))
    append(database, batch(1, attempt=2), batch(2, f"{OTHER}-0"))
    assert positions(database) == [(1, 1, 1), (2, 1, 2), (3, 2, 1)]
    assert positions(database, OTHER) == [(1, 1, 1), (2, 1, 2)]


def test_a_batch_that_comes_again_is_left_out(database: Database) -> None:
    append(database, batch(1), batch(1), batch(2))
    append(database, batch(2), batch(1), batch(3))
    append(database)
    assert positions(database) == [(1, 1, 1), (2, 1, 2), (3, 1, 3)]


def test_bytes_come_back_as_they_were(database: Database) -> None:
    append(database, batch(1), batch(2, data=b""), batch(3, data=BYTES * 256))
    with database.read() as connection:
        rows = connection.execute(select(log_batches).order_by(log_batches.c.pos)).all()
    assert [row.data for row in rows] == [BYTES, b"", BYTES * 256]
    assert {(row.task_run_id, row.claim_id, row.line_count, row.created_at) for row in rows} == {(TASK, CLAIM, 3, NOW)}


def test_writers_at_once_take_turns(database: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: append(database, batch(number), batch(1)), range(1, 41)))
    assert [pos for pos, _, _ in positions(database)] == list(range(1, 41))
    assert sorted(number for _, _, number in positions(database)) == list(range(1, 41))
