"""Every conformance case on a real engine with real workers: executor, SQLite, memory broker, processes."""

import os
from collections.abc import Iterator

import pytest

from engine.keyring import KEY_BYTES, Keyring
from tests.conformance.ended import problems
from tests.conformance.suite import Conformance, conformance
from tests.conformance.theatre import Play, Theatre
from tests.stack import Stack

POOLS = ("default", "warehouse")
SLOTS = 32

pytestmark = pytest.mark.timeout(240)


def parameters() -> list[object]:
    """Return the cases; those that only simulated time can play are skipped."""
    found: list[object] = []
    for case in conformance():
        marks = [pytest.mark.skip(reason=f"simulated only: {case.simulated_only}")] if case.simulated_only else []
        found.append(pytest.param(case, id=case.id, marks=marks))
    return found


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    """A theatre on a stack of its own."""
    directory = tmp_path_factory.mktemp("conformance")
    keyring = Keyring([os.urandom(KEY_BYTES)])
    with Stack(directory / "stack", slots=SLOTS, keyring=keyring, capacities={"db": 4}, pools=POOLS) as stack:
        yield Theatre(stack, directory)


@pytest.fixture(scope="module")
def plays(theatre: Theatre, request: pytest.FixtureRequest) -> dict[str, Play]:
    """The chosen cases, played together."""
    chosen = {
        item.callspec.id
        for item in request.session.items
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
    }
    return theatre.play(case for case in conformance() if case.id in chosen and not case.simulated_only)


@pytest.mark.parametrize("conformance_case", parameters())
def test_on_a_real_engine(conformance_case: Conformance, theatre: Theatre, plays: dict[str, Play]) -> None:
    """What the case says is true of a run that was really carried out."""
    wrong = problems(plays[conformance_case.id], theatre)
    assert not wrong, "\n".join(f"{'.'.join(map(str, p.path))}: {p.message}" for p in wrong)
