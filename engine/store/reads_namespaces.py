"""Which namespace a thing belongs to. Writes nothing."""

from sqlalchemy import Connection, select

from engine.store.tables import backfills, runs, sources, workflows


def of_run(connection: Connection, run_id: str) -> str | None:
    """Return the namespace of a run's workflow; None where there is no such run."""
    query = select(workflows.c.namespace).join(runs, runs.c.workflow_id == workflows.c.id)
    found: str | None = connection.execute(query.where(runs.c.id == run_id)).scalar_one_or_none()
    return found


def of_backfill(connection: Connection, backfill_id: str) -> str | None:
    """Return the namespace of a backfill's workflow; None where there is no such backfill."""
    query = select(workflows.c.namespace).join(backfills, backfills.c.workflow_id == workflows.c.id)
    found: str | None = connection.execute(query.where(backfills.c.id == backfill_id)).scalar_one_or_none()
    return found


def of_source(connection: Connection, name: str) -> str | None:
    """Return the namespace that a source's workflows have unless they say another; None where there is no source."""
    config = connection.execute(select(sources.c.config).where(sources.c.name == name)).scalar_one_or_none()
    return None if config is None else str(config.get("namespace", ""))
