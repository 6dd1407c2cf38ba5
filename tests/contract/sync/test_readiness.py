"""Whether the images of a workflow are where it will run."""

from engine.store.readiness import unprepared
from engine.store.revisions import set_ready
from tests.contract.sync.world import World

TWO_IMAGES = """
name: alpha
tasks:
  one: {container: {image: "a:1"}, run: echo}
  two: {container: {image: "b:1"}, run: echo, pool: big}
  three: {container: {image: "a:1"}, run: echo, pool: big}
  four: {container: {image: "c:1", pull: never}, run: echo}
"""


def answer(world: World, image: str, worker: str = "w1", error: str = "", revision_id: str | None = None) -> str:
    with world.database.write() as connection:
        set_ready(connection, revision_id or world.workflow("alpha").active_revision_id, image, worker, error)
    return world.workflow("alpha").ready["state"]


def test_a_workflow_is_ready_when_each_image_is_on_a_worker(world: World) -> None:
    world.sync(a=TWO_IMAGES)
    assert world.workflow("alpha").ready["state"] == "preparing"
    assert answer(world, "a:1") == "preparing"
    assert answer(world, "b:1", error="no such image") == "failed"
    assert world.workflow("alpha").ready["images"]["b:1"]["workers"] == {"w1": "no such image"}
    assert answer(world, "b:1", worker="w2") == "ready"


def test_answers_for_what_is_not_active_or_not_used_are_dropped(world: World) -> None:
    world.sync(a=TWO_IMAGES)
    before = world.workflow("alpha").ready
    answer(world, "z:9")
    answer(world, "a:1", revision_id="00000000-0000-0000-0000-000000000000")
    assert world.workflow("alpha").ready == before


def test_what_nobody_answered_for_is_asked_again_of_each_pool(world: World) -> None:
    world.sync(a=TWO_IMAGES)
    with world.database.read() as connection:
        asked = {item.pool: item.images for item in unprepared(connection, "main")}
    assert asked == {"default": ("a:1",), "big": ("b:1", "a:1")}
    answer(world, "a:1")
    answer(world, "b:1")
    with world.database.read() as connection:
        assert unprepared(connection, "main") == []


def test_a_new_revision_is_prepared_anew(world: World) -> None:
    world.sync(a=TWO_IMAGES)
    answer(world, "a:1")
    answer(world, "b:1")
    world.sync(a=TWO_IMAGES.replace("b:1", "b:2"))
    assert world.workflow("alpha").ready["state"] == "preparing"
