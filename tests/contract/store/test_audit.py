"""The audit log on both databases: written, narrowed, paged, forgotten."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from engine.services.audit_log import AuditLog
from engine.store import audit
from engine.store.audit import AuditFilter, AuditRow
from engine.store.database import Database
from engine.store.errors import StoreError
from engine.store.run_filter import id_floor
from tests.contract.store.conftest import NOW
from tests.contract.store.test_indexes import statements


def row(number: int = 0, at: datetime = NOW, **given: Any) -> AuditRow:
    values = {
        "id": f"{id_floor(at)[:-12]}{number:012x}",
        "at": at,
        "who": "ann",
        "operation": "triggerRun",
        "method": "POST",
        "path": "/api/v1/workflows/data/etl/runs",
        "address": "127.0.0.1",
        "agent": "curl/8",
        "status": 201,
    }
    return AuditRow(**{**values, **given})


def note(database: Database, noted: AuditRow) -> None:
    log = AuditLog(database)
    assert log.add(noted)
    log.write()


def listed(database: Database, *, before: str | None = None, limit: int = 100, **wanted: Any) -> list[AuditRow]:
    with database.read() as connection:
        return audit.list_audit(connection, AuditFilter(**wanted), before=before, limit=limit)


def test_what_is_written_is_read_newest_first_and_narrowed(database: Database) -> None:
    later = NOW + timedelta(hours=1)
    log = AuditLog(database)
    rows = [
        row(1),
        row(2, who="bob", status=403),
        row(3, at=later, operation="cancelRun"),
        row(4, at=later, status=500),
    ]
    for each in rows:
        log.add(each)
    log.write()
    assert listed(database) == rows[::-1]
    assert listed(database, who="bob") == [rows[1]]
    assert listed(database, operation="cancelRun") == [rows[2]]
    assert listed(database, refused=True) == [rows[3], rows[1]]
    assert listed(database, refused=False) == [rows[2], rows[0]]
    assert listed(database, since=later) == [rows[3], rows[2]]
    assert listed(database, until=later) == [rows[1], rows[0]]
    assert listed(database, limit=2) == [rows[3], rows[2]]
    assert listed(database, before=rows[2].id) == [rows[1], rows[0]]


def test_texts_from_outside_are_cut_and_made_plain(database: Database) -> None:
    note(database, row(who="x" * 300, path="/" + "y" * 2_000, agent="a\0b" + "z" * 900, address="1" * 300))
    [kept] = listed(database)
    assert (len(kept.who), len(kept.path), len(kept.agent), len(kept.address)) == (100, 500, 200, 100)
    assert "\0" not in kept.agent


def test_who_adds_first_writes_for_all(database: Database) -> None:
    log = AuditLog(database)
    assert [log.add(row(number)) for number in range(3)] == [True, False, False]
    log.write()
    assert log.add(row(3))
    log.write()
    log.write()
    assert len(listed(database)) == 4


def test_what_was_refused_is_found_among_many_by_index(database: Database) -> None:
    with database.write() as connection:
        audit.append(connection, [row(number, status=403 if number == 7 else 201) for number in range(20_000)])
    with database.read() as connection:
        if database.dialect == "postgresql":
            connection.exec_driver_sql("ANALYZE audit")
        with statements(database) as seen:
            audit.list_audit(connection, AuditFilter(refused=True), before=None, limit=51)
        explain = "EXPLAIN QUERY PLAN " if database.dialect == "sqlite" else "EXPLAIN (COSTS off) "
        plan = [str(step[-1]) for step in connection.exec_driver_sql(explain + seen[-1][0], seen[-1][1])]
    assert "ix_audit_refused" in " ".join(plan)


def test_old_rows_are_forgotten(database: Database) -> None:
    note(database, row(1))
    note(database, row(2, at=NOW + timedelta(days=1)))
    with database.write() as connection:
        assert audit.forget_audit(connection, NOW + timedelta(hours=1)) == 1
        assert audit.forget_audit(connection, NOW + timedelta(hours=1)) == 0
    assert [each.at for each in listed(database)] == [NOW + timedelta(days=1)]


def test_what_the_database_does_not_take_is_in_the_log(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def gone(*_: object) -> None:
        raise StoreError("the database is gone")

    monkeypatch.setattr("engine.services.audit_log.append", gone)
    note(database, row(who="ann"))
    assert "the database is gone" in caplog.text
    assert "who='ann'" in caplog.text
