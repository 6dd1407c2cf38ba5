"""Codes of test files: names that the workflow under test does not have."""

from typing import Final

from dsl.codes.entry import Code

TESTED: Final = (
    "name: example\ninputs: {day: {type: date}}\ntriggers: {nightly: {cron: '0 2 * * *'}}\ntasks:\n  load: {run: x}\n"
)
"""The workflow that the examples are tests of."""


def _case(fields: str) -> str:
    return f"tests:\n  one:\n    {fields}\n    expect: {{state: succeeded}}\n"


TESTING: Final = (
    Code(
        "E0601",
        "unknown task in a test",
        "A test names a task that its workflow does not have, so nothing would be given or looked at.",
        _case("mocks: {laod: {duration: 5s}}"),
        3,
        13,
        _case("mocks: {load: {duration: 5s}}"),
    ),
    Code(
        "E0602",
        "unknown input or output in a test",
        "A test names an input or an output that its workflow, or the task, does not declare. A test of what is "
        "refused says so: `expect: {reason: invalid_inputs}`.",
        _case("inputs: {dya: 2026-01-01}"),
        3,
        14,
        _case("inputs: {day: 2026-01-01}"),
    ),
    Code(
        "E0603",
        "unknown trigger in a test",
        "A test names a trigger that its workflow does not have, so there are no inputs to take from it.",
        _case("trigger: {name: nigthly}"),
        3,
        21,
        _case("trigger: {name: nightly}"),
    ),
)
