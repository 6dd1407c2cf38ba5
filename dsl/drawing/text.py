"""The graph as text: a layer below the other, each task with what it needs."""

from dsl.drawing.graph import Cluster, clusters, cut, details
from dsl.model import Task, Workflow


def text(workflow: Workflow) -> str:
    """Return the drawing, ending with a line break. Tasks of one layer may run at the same time."""
    blocks = [f"{workflow.namespace}/{workflow.name}\n", *map(_block, clusters(workflow))]
    return "\n".join(blocks)


def _block(cluster: Cluster) -> str:
    width = len(str(len(cluster.layers)))
    names = max((len(_name(task)) for task in cluster.tasks.values()), default=0)
    lines = [cluster.label]
    for number, layer in enumerate(cluster.layers, 1):
        for position, identifier in enumerate(layer):
            label = str(number) if position == 0 else ""
            branch = _branch(position, len(layer))
            lines.append(f"  {label:>{width}} {branch} {_line(cluster.tasks[identifier], names)}")
    return "\n".join(lines) + "\n"


def _branch(position: int, count: int) -> str:
    if count == 1:
        return "──"
    return "┬─" if position == 0 else "└─" if position == count - 1 else "├─"


def _name(task: Task) -> str:
    return f"{task.id} [{task.kind}]"


def _line(task: Task, width: int) -> str:
    needs = f"← {', '.join(task.needs)}" if task.needs else ""
    rest = "  ".join(part for part in (needs, *map(cut, details(task))) if part)
    return f"{_name(task):<{width}}  {rest}".rstrip()
