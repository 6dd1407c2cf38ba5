"""The workflows that are looked at together: those of the files, and what the engine has of those that they name."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from dsl.diagnostics import Diagnostic, Fault, Span, diagnostic
from dsl.model import Task, Workflow, WorkflowTrigger
from dsl.together.references import Child, References, Upstream

Known = Callable[[Collection[str]], Mapping[str, Workflow | None]]
"""Gives those of the names (`namespace/name`) that the engine has; None for one whose revision cannot be read here."""


class Member(Protocol):
    """A loaded workflow: what it is, where it begins, and what it says about others."""

    @property
    def workflow(self) -> Workflow: ...  # noqa: D102
    @property
    def file(self) -> str: ...  # noqa: D102
    @property
    def line(self) -> int: ...  # noqa: D102
    @property
    def references(self) -> References: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Call:
    """One task that starts a child; `child` says where, for a workflow of the files. `held` are whole lock names."""

    target: str
    waits: bool
    held: frozenset[str]
    child: Child | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """One workflow by its whole name. `member` is None for one that only the engine has.

    `takes` are the locks that a run of it takes itself: those of the workflow and of its tasks.
    """

    name: str
    workflow: Workflow | None
    member: Member | None = None
    calls: tuple[Call, ...] = ()
    upstreams: tuple[tuple[str, Upstream | None], ...] = ()
    takes: frozenset[str] = frozenset()

    def starts(self, name: str) -> bool:
        """Whether it has that workflow as a child."""
        return any(call.target == name for call in self.calls)

    def fault(self, code: str, message: str, place: Span, hint: str = "") -> Diagnostic:
        """Return a diagnostic in the file of a workflow that is of the files."""
        assert self.member is not None
        return diagnostic(Fault(code, message, place, hint), self.member.file)


@dataclass(frozen=True, slots=True)
class Atlas:
    """Every workflow by its whole name. `claimed` are the names of workflows whose files have faults of their own.

    `offline`: only the files are known, so that what is not among them may well exist.
    """

    nodes: Mapping[str, Node]
    claimed: frozenset[str] = frozenset()
    offline: bool = True
    own: tuple[Node, ...] = field(default=())

    def has(self, name: str) -> bool:
        """Whether there is a workflow of that name, if only one whose file has a fault."""
        return name in self.nodes or name in self.claimed


def whole(workflow: Workflow) -> str:
    """Return `namespace/name`."""
    return f"{workflow.namespace}/{workflow.name}"


def make_atlas(members: Sequence[Member], known: Known | None, claimed: Collection[str]) -> Atlas:
    """Return the members, and what the engine has of all that they name, directly and through others."""
    own = tuple(_of_member(item) for item in members)
    nodes = {node.name: node for node in own}
    asked: set[str] = set()
    wanted = _named(own) - nodes.keys()
    while known is not None and wanted:
        asked |= wanted
        found = [_node(name, workflow) for name, workflow in known(sorted(wanted)).items()]
        nodes.update((node.name, node) for node in found)
        wanted = _named(found) - nodes.keys() - asked
    return Atlas(nodes, frozenset(claimed), known is None, own)


def _named(nodes: Iterable[Node]) -> set[str]:
    calls = {call.target for node in nodes for call in node.calls}
    return calls | {target for node in nodes for target, _ in node.upstreams}


def _of_member(member: Member) -> Node:
    workflow, said = member.workflow, member.references
    return _node(
        whole(workflow),
        workflow,
        member,
        {child.task: child for child in said.children},
        {upstream.trigger: upstream for upstream in said.upstreams},
    )


def _node(
    name: str,
    workflow: Workflow | None,
    member: Member | None = None,
    children: Mapping[str, Child] | None = None,
    upstreams: Mapping[str, Upstream] | None = None,
) -> Node:
    if workflow is None:
        return Node(name, None)
    children, upstreams = children or {}, upstreams or {}
    tasks = list(_tasks(workflow))
    return Node(
        name,
        workflow,
        member,
        tuple(_call(workflow, task, children.get(task.id)) for task in tasks if task.kind == "workflow"),
        tuple(
            (trigger.name, upstreams.get(key))
            for key, trigger in workflow.triggers.items()
            if isinstance(trigger, WorkflowTrigger)
        ),
        _locks(workflow, workflow.locks, *(task.locks for task in tasks)),
    )


def _call(workflow: Workflow, task: Task, child: Child | None) -> Call:
    held = _locks(workflow, workflow.locks, task.locks)
    return Call(task.spec["name"], bool(task.spec.get("wait", True)), held, child)


def _locks(workflow: Workflow, *lists: Iterable[str]) -> frozenset[str]:
    return frozenset(f"{workflow.namespace}/{name}" for names in lists for name in names)


def _tasks(workflow: Workflow) -> Iterator[Task]:
    for stage in (workflow.tasks, workflow.on_failure, workflow.on_success, workflow.finally_):
        yield from stage.values()
