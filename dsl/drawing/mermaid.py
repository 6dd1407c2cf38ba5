"""The graph as a Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html), for Markdown pages."""

import re
from typing import Final

from dsl.drawing.graph import Cluster, clusters, cut, details
from dsl.model import Task, Workflow
from dsl.stages import MAIN

_SPECIAL: Final = re.compile(r"[^\w\s.,:()=+-]", re.ASCII)
_OPEN_CLOSE: Final = {"approval": ("{{", "}}"), "wait": ("([", "])"), "workflow": ("[[", "]]")}
_OUTCOMES: Final = {"on_success": "succeeded", "on_failure": "failed", "finally": "always"}


def mermaid(workflow: Workflow) -> str:
    """Return the flowchart, ending with a line break. Hooks are subgraphs behind the one of the tasks."""
    found = clusters(workflow)
    names = {identifier: f"n{number}" for number, identifier in enumerate(_identifiers(found))}
    lines = ["flowchart LR"]
    for cluster in found:
        lines += _cluster(cluster, names)
    lines += [f"  {MAIN}_ -. {_OUTCOMES[cluster.stage]} .-> {cluster.stage}_" for cluster in found[1:]]
    return "\n".join(lines) + "\n"


def _identifiers(found: tuple[Cluster, ...]) -> list[str]:
    return [identifier for cluster in found for identifier in cluster.tasks]


def _cluster(cluster: Cluster, names: dict[str, str]) -> list[str]:
    # Names of our own: a task may be called `end`, which Mermaid takes for its keyword.
    lines = [f'  subgraph {cluster.stage}_["{_escaped(cluster.label)}"]']
    lines += [f"    {names[task.id]}{_shape(task)}" for task in cluster.tasks.values()]
    lines += [f"    {names[need]} --> {names[task.id]}" for task in cluster.tasks.values() for need in task.needs]
    return [*lines, "  end"]


def _shape(task: Task) -> str:
    opening, closing = _OPEN_CLOSE.get(task.kind, ("[", "]"))
    lines = [f"{task.id} · {task.kind}", *map(cut, details(task))]
    return f'{opening}"{"<br/>".join(map(_escaped, lines))}"{closing}'


def _escaped(text: str) -> str:
    """Return text with every character that means something to Mermaid or HTML as its entity code."""
    return _SPECIAL.sub(lambda match: f"#{ord(match[0])};" if match[0].isascii() else match[0], text)
