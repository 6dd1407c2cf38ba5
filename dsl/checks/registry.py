"""The checks, in the order in which their faults are found; the order of what is shown is that of the file."""

from collections.abc import Callable, Iterator
from typing import Final

from dsl.checks.credentials import credentials
from dsl.checks.durations import durations
from dsl.checks.expressions import expressions
from dsl.checks.fan_outs import fan_outs
from dsl.checks.graph import graph
from dsl.checks.images import images
from dsl.checks.inputs import inputs
from dsl.checks.kinds import kinds
from dsl.checks.reachability import reachability
from dsl.checks.resources import resources
from dsl.checks.retries import retries
from dsl.checks.schedules import schedules
from dsl.checks.scripts import scripts
from dsl.checks.secret_names import secret_names
from dsl.checks.subject import Subject
from dsl.diagnostics import Fault

Check = Callable[[Subject], Iterator[Fault]]

CHECKS: Final[tuple[Check, ...]] = (
    graph,
    durations,
    schedules,
    inputs,
    expressions,
    scripts,
    images,
    credentials,
    retries,
    fan_outs,
    kinds,
    resources,
    reachability,
    secret_names,
)


def check(subject: Subject) -> list[Fault]:
    """Return every fault that any check finds."""
    return [fault for run in CHECKS for fault in run(subject)]
