"""Defaults files, moves and references between workflows, on the sync over a real database of either kind."""

from typing import Any

import pytest

from dsl.model import decode
from engine.store.reads_workflows import read_compiled
from engine.sync.report import summary
from tests.contract.sync.world import FAULTY, MemorySource, World, workflow

CALLER = "name: caller\ntasks:\n  child: {workflow: {name: child}}\n"


def compiled(world: World, name: str) -> Any:
    with world.database.read() as connection:
        return decode(read_compiled(connection, world.workflow(name).active_revision_id)[2])


def count(world: World, name: str) -> int:
    return int(world.workflow(name).revision_count)


def codes(outcome: Any) -> list[tuple[str, str]]:
    return [(item.code, item.file) for item in outcome.state.diagnostics]


def moved(name: str, former: str, **more: str) -> str:
    return workflow(name, extra=f"moved: {{from: {former}}}\n", **more)


def test_a_change_of_a_defaults_file_is_a_change_of_what_lies_beneath_it(world: World) -> None:
    world.sync(**{"a": workflow("alpha"), "deep/b": workflow("beta"), "_defaults": "env: {MODE: slow}\n"})
    assert compiled(world, "alpha").env == compiled(world, "beta").env == {"MODE": "slow"}
    outcome = world.sync(**{"deep/_defaults": "env: {MODE: fast}\ndefaults: {timeout: 5m}\n"})
    assert summary(outcome) == "changed default/beta (env.MODE, defaults)"
    assert (count(world, "alpha"), count(world, "beta")) == (1, 2)
    assert compiled(world, "beta").tasks["only"].timeout_seconds == 300


def test_a_defaults_file_that_goes_takes_what_it_gave_with_it(world: World) -> None:
    world.sync(a=workflow("alpha"), _defaults="labels: {team: data}\n")
    assert world.workflow("alpha").labels == {"team": "data"}
    del world.source.files["_defaults.yaml"]
    world.sync()
    assert (world.workflow("alpha").labels, count(world, "alpha")) == ({}, 2)


def test_a_faulty_defaults_file_keeps_all_beneath_it_as_they_are(world: World) -> None:
    world.sync(**{"a": workflow("alpha"), "deep/b": workflow("beta")})
    outcome = world.sync(**{"deep/_defaults": "env: 5\n", "deep/b": workflow("beta", script="echo new")})
    assert codes(outcome) == [("E0103", "deep/_defaults.yaml")]
    assert outcome.state.conditions["valid"].message.endswith("deep/_defaults.yaml, deep/b.yaml")
    assert (world.workflow("beta").archived_at, count(world, "beta"), count(world, "alpha")) == (None, 1, 1)
    world.sync(**{"deep/_defaults": "env: {A: b}\n"})
    assert count(world, "beta") == 2


def test_what_names_nothing_is_refused(world: World) -> None:
    outcome = world.sync(a=CALLER)
    assert codes(outcome) == [("E0510", "a.yaml")]
    assert world.workflows() == {}
    world.sync(b=workflow("child"))
    assert set(world.workflows()) == {"caller", "child"}


def test_a_child_may_stand_in_another_source(world: World) -> None:
    other = MemorySource("other")
    world.sync(other, b=workflow("child", extra='env: {ROWS: "${{ inputs.rows }}"}\ninputs: {rows: {type: integer}}\n'))
    assert codes(world.sync(a=CALLER)) == [("E0513", "a.yaml")]
    world.sync(other, b=workflow("child"))
    assert codes(world.sync()) == []
    assert set(world.workflows()) == {"caller", "child"}


def test_a_child_that_is_removed_with_its_callers_left_is_told(world: World) -> None:
    world.sync(a=CALLER, b=workflow("child"), c=workflow("other", script="echo other"))
    del world.source.files["b.yaml"]
    assert codes(world.sync()) == [("E0510", "a.yaml")]


def test_a_child_in_a_file_that_became_faulty_stays(world: World) -> None:
    world.sync(a=CALLER, b=workflow("child"))
    assert codes(world.sync(b=FAULTY.replace("broken", "child"))) == [("E0101", "b.yaml")]


def test_a_move_keeps_identity_and_history_whatever_else_changes(world: World) -> None:
    world.sync(a=workflow("alpha", "every: 10s"), b=workflow("beta"))
    before, anchor = world.workflow("alpha"), world.trigger("alpha").anchor_at
    del world.source.files["a.yaml"]
    world.clock.forward(seconds=3)
    outcome = world.sync(z=moved("omega", "alpha", trigger="every: 10s", script="echo changed"))
    assert summary(outcome) == "changed default/alpha, now default/omega"
    assert set(world.workflows()) == {"beta", "omega"}
    row = world.workflow("omega")
    assert (row.id, row.path, row.revision_count) == (before.id, "z.yaml", 2)
    assert world.trigger("omega").anchor_at == anchor
    assert not world.sync().changed


def test_a_line_that_stays_after_the_move_does_nothing(world: World) -> None:
    world.sync(a=workflow("alpha"))
    world.sync(a=moved("omega", "alpha"))
    world.sync(a=moved("omega", "alpha", script="echo new"), b=workflow("alpha"))
    assert count(world, "omega") == 3
    assert world.workflow("alpha").id != world.workflow("omega").id


def test_on_a_server_that_never_had_the_former_name_it_is_a_new_workflow(world: World) -> None:
    assert summary(world.sync(a=moved("omega", "alpha"))) == "added default/omega"


def test_a_removed_workflow_may_come_back_under_another_name(world: World) -> None:
    world.sync(a=workflow("alpha"), b=workflow("beta"))
    identity = world.workflow("alpha").id
    del world.source.files["a.yaml"]
    world.sync()
    world.sync(z=moved("omega", "alpha"))
    row = world.workflow("omega")
    assert (row.id, row.archived_at, row.revision_count) == (identity, None, 2)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"z": moved("omega", "alpha")}, "still among the files"),
        ({"a": moved("omega", "alpha"), "z": moved("psi", "alpha")}, "another workflow has moved from there"),
        ({"a": moved("gone", "alpha")}, "has a history of its own"),
        ({"a": moved("foreign", "alpha")}, "is in the source 'other'"),
    ],
)
def test_a_move_that_cannot_be_made_is_told_and_loses_nothing(
    world: World, files: dict[str, str], message: str
) -> None:
    world.sync(MemorySource("other"), f=workflow("foreign", script="echo foreign"))
    world.sync(a=workflow("alpha"), b=workflow("beta", script="echo b"), c=workflow("gone", script="echo gone"))
    del world.source.files["c.yaml"]
    world.sync()
    outcome = world.sync(**files)
    [found] = outcome.state.diagnostics
    assert (found.code, found.line, found.column) == ("E0523", 2, 15)
    assert message in found.message
    alive = {name for name, row in world.workflows().items() if row.archived_at is None}
    assert {"beta", "foreign"} < alive
    assert alive & {"alpha", "omega"}
