"""The checks over all files at once, in the order in which their faults are found."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final

from dsl.diagnostics import Diagnostic
from dsl.together.atlas import Atlas, Known, Member, make_atlas
from dsl.together.child_inputs import child_inputs
from dsl.together.cycles import child_cycles, trigger_cycles
from dsl.together.descents import descents
from dsl.together.existence import existence

CHECKS: Final[tuple[Callable[[Atlas], Iterator[Diagnostic]], ...]] = (
    existence,
    child_inputs,
    child_cycles,
    trigger_cycles,
    descents,
)


def check_together(members: Sequence[Member], known: Known | None, claimed: Collection[str]) -> list[Diagnostic]:
    """Return what is wrong with workflows as they name each other.

    `known` gives what the engine has besides them (None: it cannot be asked), `claimed` are names in faulty files: they
    count as there, since their own faults are told.
    """
    if not any(item.references.children or item.references.upstreams for item in members):
        return []
    atlas = make_atlas(members, known, claimed)
    return [found for check in CHECKS for found in check(atlas)]
