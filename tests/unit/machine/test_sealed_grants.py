"""Secrets in a task's fields: the state machine names them and never sees a value."""

from typing import Any

import pytest

from dsl.model import Input, ValueType
from engine.machine.changes import GrantAttempt
from engine.machine.sealed import SealedError
from engine.machine.states import TaskState
from tests.unit.machine.play import Play, task


def opened(grant: GrantAttempt, **secrets: str) -> tuple[dict[str, Any], dict[str, str]]:
    assert grant.sealed is not None
    return grant.sealed.open(secrets)


def test_a_grant_that_names_secrets_comes_sealed() -> None:
    one = task("a", env={"T": "x${{ secrets.T }}", "N": "${{ inputs.n }}"}, secrets=("T",))
    play = Play(one, inputs={"n": "7"}, declared={"n": Input(type=ValueType.STRING)}, env={"G": "${{ secrets.G }}"})
    grant = play.grant("a")
    assert (grant.secrets, grant.spec, grant.env) == (("G", "T"), {}, {})
    spec, env = opened(grant, T="t", G="g")
    assert spec == {"script": "true"}
    assert (env["T"], env["N"], env["G"], env["CHRONOVERSE_TASK"]) == ("xt", "7", "g", "a")


def test_the_same_claim_gets_the_same_again() -> None:
    play = Play(task("a", env={"T": "${{ secrets.T }}"}, secrets=("T",)))
    first = play.claim("a")
    play.send(first)
    one, two = [command for command in play.commands if isinstance(command, GrantAttempt)]
    assert opened(one, T="t") == opened(two, T="t")


def test_declared_secrets_that_no_field_names_cost_nothing() -> None:
    grant = Play(task("a", secrets=("T",)), secrets=("U",)).grant("a")
    assert (grant.sealed, grant.secrets, grant.spec) == (None, (), {"script": "true"})


def test_what_was_seen_at_the_claim_stays() -> None:
    play = Play(
        task("a", outputs={"x": ValueType.STRING}),
        task("b", "a", env={"T": "${{ secrets.T + tasks.a.outputs.x }}"}, secrets=("T",)),
    )
    play.succeed("a", x="out")
    assert opened(play.grant("b"), T="t")[1]["T"] == "tout"


def test_a_block_sees_the_environment() -> None:
    spec = {"url": "https://x/${{ env.WHERE }}", "headers": {"A": "Bearer ${{ secrets.T }}"}}
    play = Play(task("a", kind="http", spec=spec, env={"WHERE": "here"}, secrets=("T",)))
    assert opened(play.grant("a"), T="t")[0] == {"url": "https://x/here", "headers": {"A": "Bearer t"}}
    open_spec = {"url": "https://x/${{ env.WHERE }}"}
    assert Play(task("a", kind="http", spec=open_spec, env={"WHERE": "here"})).grant("a").spec == {
        "url": "https://x/here"
    }


def test_a_registry_is_named_and_filled_in() -> None:
    spec = {"image": "i", "registry": "LOGIN"}
    grant = Play(task("a", kind="container", spec=spec, secrets=("LOGIN",))).grant("a")
    assert grant.secrets == ("LOGIN",)
    assert opened(grant, LOGIN="me:pw")[0] == {"image": "i", "registry": "me:pw"}


@pytest.mark.parametrize("expression", ["int(secrets.T)", "secrets.T == 'x' ? 'y' : string(int(secrets.T))"])
def test_a_failure_with_the_real_value_does_not_show_it(expression: str) -> None:
    play = Play(task("a", env={"T": "${{ " + expression + " }}"}, secrets=("T",), line=3))
    grant = play.grant("a")
    assert play.state("a") is TaskState.RUNNING
    with pytest.raises(SealedError) as caught:
        opened(grant, T="hunter22")
    assert str(caught.value) == f"w.yaml:3: task 'a': {expression}: fails with the secret's real value"
    assert caught.value.__context__ is None or "hunter22" not in str(caught.value)
