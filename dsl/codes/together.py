"""Codes that speak of several files: folders' defaults, and workflows that name each other."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from dsl.codes.entry import Code
from dsl.together.descents import DEPTH_MAX


def several(*bodies: tuple[str, str]) -> str:
    """Return a file of several workflows, each a name and what stands below it."""
    return "---\n".join(f"name: {name}\n{body}" for name, body in bodies)


def _calls(child: str, more: str = "") -> str:
    return f"tasks:\n  child: {{workflow: {{name: {child}{more}}}}}\n"


_LEAF: Final = "tasks:\n  hello: {run: echo hello}\n"
_TYPED: Final = "env: {ROWS: '${{ inputs.rows }}'}\ninputs: {rows: {type: integer}}\n" + _LEAF
_LOCKED: Final = "locks: [warehouse]\n"


def _chain(names: Sequence[str]) -> str:
    links = [(name, _calls(below)) for name, below in pairwise(names)]
    return several(*links, (names[-1], _LEAF))


_NAMES: Final = [f"level-{number}" for number in range(DEPTH_MAX + 2)]


def _after(upstream: str) -> str:
    return f"triggers: {{t: {{workflow: {{name: {upstream}}}}}}}\n{_LEAF}"


TOGETHER: Final = (
    Code(
        "W0511",
        "child workflow not among these files",
        "Without a server, only the files given are known: the child may well exist. A source that does not hold "
        "it, on a server without it, is refused when it is synced (E0510).",
        several(("parent", _calls("lood")), ("load", _LEAF)),
        3,
        28,
        several(("parent", _calls("load")), ("load", _LEAF)),
    ),
    Code(
        "E0512",
        "child has no such input",
        "The workflow that is started does not declare this input.",
        several(("parent", _calls("load", ", inputs: {rovs: 5, rows: 5}")), ("load", _TYPED)),
        3,
        43,
        several(("parent", _calls("load", ", inputs: {rows: 5}")), ("load", _TYPED)),
    ),
    Code(
        "E0513",
        "child lacks an input",
        "An input of the child that it uses and that has no default must be given, or its run could never be created.",
        several(("parent", _calls("load")), ("load", _TYPED)),
        3,
        11,
        several(("parent", _calls("load", ", inputs: {rows: 5}")), ("load", _TYPED)),
    ),
    Code(
        "E0514",
        "child's input does not fit",
        "The value, or the type of what the expression gives, is not what the child declares for this input.",
        several(("parent", _calls("load", ", inputs: {rows: many}")), ("load", _TYPED)),
        3,
        49,
        several(("parent", _calls("load", ', inputs: {rows: "${{ size(workflow.name) }}"}')), ("load", _TYPED)),
    ),
    Code(
        "E0515",
        "circle of child workflows",
        "Each would start the next, and the last the first: no run of them could ever end.",
        several(("parent", _calls("parent"))),
        3,
        28,
        several(("parent", _calls("load")), ("load", _LEAF)),
    ),
    Code(
        "E0516",
        "child runs too deep",
        f"At most {DEPTH_MAX} runs may stand above a child run.",
        _chain(_NAMES),
        3,
        28,
        _chain(_NAMES[1:]),
        f"# level-0 starts level-1, that one level-2, and so on: more than {DEPTH_MAX} below the first",
    ),
    Code(
        "E0517",
        "lock held while its holder is waited for",
        "The parent holds the lock until the child has ended, and the child, or one below it, waits for the same lock: "
        "neither would ever go on.",
        several(("parent", _LOCKED + _calls("load")), ("load", _LOCKED + _LEAF)),
        4,
        28,
        several(("parent", _calls("load")), ("load", _LOCKED + _LEAF)),
    ),
    Code(
        "W0521",
        "upstream workflow not among these files",
        "Without a server, only the files given are known: the workflow whose end fires the trigger may well exist. A "
        "source where neither it nor its file is there is refused when it is synced (E0520).",
        several(("report", _after("lood")), ("load", _LEAF)),
        2,
        33,
        several(("report", _after("load")), ("load", _LEAF)),
    ),
    Code(
        "E0524",
        "namespace that the source may not use",
        "Whoever runs the server declares which namespaces a source may use (`namespaces` in `chronoverse.yaml`). Only "
        "a sync makes this check: it alone knows the source.",
        "",
        1,
        1,
        "",
        "# in a source with namespaces: [data.*]\n"
        "name: example\nnamespace: billing     # needs data, or one beneath it\ntasks:\n  a: {run: x}",
    ),
    Code(
        "E0522",
        "circle of workflow triggers",
        "Each starts the next, by its end or as a child, and the last the first: they would run for ever.",
        several(("report", _after("report"))),
        2,
        33,
        several(("report", _after("load")), ("load", _LEAF)),
    ),
)
IN_FOLDERS: Final = (
    Code(
        "E0501",
        "several documents in a defaults file",
        "`_defaults.yaml` is one map: two would leave open which of them wins.",
        "env: {MODE: fast}\n---\nlabels: {team: data}\n",
        3,
        1,
        "env: {MODE: fast}\nlabels: {team: data}\n",
    ),
)
"""Those whose examples are `_defaults.yaml` files."""
AT_SYNC: Final = (
    Code(
        "E0510",
        "child workflow does not exist",
        "A task starts a workflow that neither the source nor the server has. The same fault is the warning W0511 "
        "where only files are known.",
        several(("parent", _calls("lood")), ("load", _LEAF)),
        3,
        28,
        several(("parent", _calls("load")), ("load", _LEAF)),
    ),
    Code(
        "E0520",
        "upstream workflow does not exist",
        "A trigger waits for the end of a workflow that neither the source nor the server has. The same fault is the "
        "warning W0521 where only files are known.",
        several(("report", _after("lood")), ("load", _LEAF)),
        2,
        33,
        several(("report", _after("load")), ("load", _LEAF)),
    ),
    Code(
        "E0523",
        "move that cannot be made",
        "`moved: {from: …}` gives a workflow the identity and history of another one, which must have been live in the "
        "same source and namespace and must be gone from it, while the new name must be free.",
        "name: new-name\nmoved: {from: old-name}\n" + _LEAF + "---\nname: old-name\n" + _LEAF,
        1,
        1,
        "name: new-name\nmoved: {from: old-name}\n" + _LEAF,
    ),
)
"""Those that show only where a server is asked; the examples are checked with one that has nothing."""
