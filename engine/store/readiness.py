"""Whether the images of an active revision are on the workers of its pools: the workflow's `ready` column.

`{"state": "ready" | "preparing" | "failed", "images": {IMAGE: {"state": …, "workers": {WORKER: error or ""}}}}`. An
image is ready when one worker has it, and failed when those who answered all failed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select, update

from dsl.model import Workflow, decode
from engine.store.tables import revisions, workflows

READY: Final = "ready"
PREPARING: Final = "preparing"
FAILED: Final = "failed"
WORKERS_MAX: Final = 100
"""Answers kept of one image; later ones count no more."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """Images of one revision that the workers of one pool are to have."""

    namespace: str
    workflow: str
    revision_id: str
    pool: str
    images: tuple[str, ...]


def images_by_pool(workflow: Workflow) -> dict[str, list[str]]:
    """Return the images that can be pulled ahead of time: named in full, not forbidden to be pulled, and for anybody.

    Those of a registry with a login are pulled when an attempt is claimed: only a grant may carry a secret.
    """
    found: dict[str, list[str]] = {}
    for task in workflow.tasks.values():
        image = task.spec.get("image")
        if (
            task.kind == "container"
            and isinstance(image, str)
            and "${{" not in image
            and task.spec.get("pull") != "never"
            and not task.spec.get("registry")
        ):
            images = found.setdefault(task.pool, [])
            if image not in images:
                images.append(image)
    return found


def preparations(workflow: Workflow, revision_id: str) -> list[Preparation]:
    """Return what is to be asked of each pool."""
    return [
        Preparation(workflow.namespace, workflow.name, revision_id, pool, tuple(images))
        for pool, images in images_by_pool(workflow).items()
    ]


def initial_ready(workflow: Workflow) -> dict[str, Any]:
    """Return the `ready` of a revision that has just become active."""
    images = dict.fromkeys(image for found in images_by_pool(workflow).values() for image in found)
    return {
        "state": PREPARING if images else READY,
        "images": {image: {"state": PREPARING, "workers": {}} for image in images},
    }


def set_ready(connection: Connection, revision_id: str, image: str, worker: str, error: str) -> None:
    """Note what became of an image on a worker. A revision that is no longer active, or has no such image: nothing."""
    query = select(workflows.c.id, workflows.c.ready).where(workflows.c.active_revision_id == revision_id)
    row = connection.execute(query.with_for_update()).one_or_none()
    if row is None or image not in row.ready.get("images", {}):
        return
    ready = _with_answer(row.ready, image, worker, error)
    if ready != row.ready:
        connection.execute(update(workflows).where(workflows.c.id == row.id).values(ready=ready))


def unprepared(connection: Connection, source: str) -> list[Preparation]:
    """Return what no worker has answered for yet: it is asked again, for a request may be lost or come too early."""
    query = (
        select(workflows.c.active_revision_id, revisions.c.compiled)
        .join(revisions, revisions.c.id == workflows.c.active_revision_id)
        .where(
            workflows.c.source == source,
            workflows.c.archived_at.is_(None),
            workflows.c.ready["state"].as_string() == PREPARING,
        )
    )
    rows = connection.execute(query).all()
    return [asked for row in rows for asked in preparations(decode(row.compiled), row.active_revision_id)]


def _with_answer(ready: dict[str, Any], image: str, worker: str, error: str) -> dict[str, Any]:
    workers = dict(ready["images"][image]["workers"])
    if worker in workers or len(workers) < WORKERS_MAX:
        workers[worker] = error
    state = READY if "" in workers.values() else FAILED
    images = {**ready["images"], image: {"state": state, "workers": workers}}
    return {"state": _joined(entry["state"] for entry in images.values()), "images": images}


def _joined(states: Iterable[str]) -> str:
    found = set(states)
    if FAILED in found:
        return FAILED
    return PREPARING if PREPARING in found else READY
