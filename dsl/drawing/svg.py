"""The graph as one SVG that needs nothing else: no scripts, no fonts or styles from elsewhere; light and dark."""

from typing import Final
from xml.sax.saxutils import escape

from dsl.drawing.graph import Cluster, clusters, cut, details
from dsl.drawing.layout import Layout, lay_out
from dsl.model import ENGINE_KINDS, Task, Workflow
from dsl.stages import MAIN

MARGIN: Final = 24.0
PADDING: Final = 18.0
TITLE: Final = 30.0
LINE: Final = 17.0
CHARACTER: Final = 7.3
"""Width of a character of the monospaced 12 px font, rounded up: `textLength` is not needed to keep within boxes."""

STYLE: Final = """
svg{--back:#fff;--ink:#1c2430;--soft:#5b6675;--line:#8a95a5;--box:#f5f7fa;--edge:#c9d1dc;--group:#fafbfd;--mark:#2563eb}
@media(prefers-color-scheme:dark){svg{--back:#12161c;--ink:#e6eaf0;--soft:#9aa5b4;--line:#6c7889;--box:#1d242e;
--edge:#3a4554;--group:#161b22;--mark:#6ea8fe}}
text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:var(--soft)}
.id,.title{font-weight:600;fill:var(--ink)}.title{font-size:14px}.back{fill:var(--back)}
.box{fill:var(--box);stroke:var(--edge)}.engine{stroke:var(--mark);stroke-dasharray:5 3}
.group{fill:var(--group);stroke:var(--edge)}.hook{stroke-dasharray:6 4}
path{fill:none;stroke:var(--line);stroke-width:1.4}.tip{fill:var(--line);stroke:none}
""".replace("\n", "")

_HEAD: Final = '<marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'


def svg(workflow: Workflow) -> str:
    """Return the SVG, ending with a line break. Tasks that the engine carries out itself have a dashed border."""
    name = escape(f"{workflow.namespace}/{workflow.name}")
    parts, y, width = [f'<text class="title" x="{MARGIN}" y="{MARGIN + 12}">{name}</text>'], MARGIN + 30, 0.0
    width = len(workflow.namespace + workflow.name) * 10.0
    for cluster in clusters(workflow):
        layout = _layout(cluster)
        inner = max(layout.width, len(cluster.label) * CHARACTER)
        parts += _cluster(cluster, layout, y, inner)
        y += layout.height + TITLE + PADDING + MARGIN
        width = max(width, inner + 2 * PADDING)
    width += 2 * MARGIN
    size = f'viewBox="0 0 {width:g} {y:g}" width="{width:g}" height="{y:g}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{name}">'
    marker = f'<defs>{_HEAD}<path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>'
    back = '<rect class="back" width="100%" height="100%"/>'
    return "\n".join([head, f"<style>{STYLE}</style>", marker, back, *parts, "</svg>", ""])


def _layout(cluster: Cluster) -> Layout:
    edges = [(need, task.id) for task in cluster.tasks.values() for need in task.needs]
    return lay_out(cluster.layers, edges, {task.id: _size(task) for task in cluster.tasks.values()})


def _lines(task: Task) -> list[str]:
    return [task.id, task.kind, *map(cut, details(task))]


def _size(task: Task) -> tuple[float, float]:
    lines = _lines(task)
    return max(map(len, lines)) * CHARACTER + 24, len(lines) * LINE + 14


def _cluster(cluster: Cluster, layout: Layout, y: float, inner: float) -> list[str]:
    hook = "" if cluster.stage == MAIN else " hook"
    height = layout.height + TITLE + PADDING
    place = f'x="{MARGIN}" y="{y:g}" width="{inner + 2 * PADDING:g}" height="{height:g}" rx="10"'
    parts = [
        f'<rect class="group{hook}" {place}/>',
        f'<text x="{MARGIN + PADDING}" y="{y + 19:g}">{escape(cluster.label)}</text>',
        f'<g transform="translate({MARGIN + PADDING:g} {y + TITLE:g})">',
    ]
    parts += [f'<path marker-end="url(#tip)" d="{_curve(points)}"/>' for points in layout.edges.values()]
    for task in cluster.tasks.values():
        parts += _box(task, layout)
    return [*parts, "</g>"]


def _curve(points: tuple[tuple[float, float], ...]) -> str:
    """Return a path through the points that leaves and arrives level; stand-ins are crossed in a straight line."""
    x, y = points[0]
    path = [f"M{x:g} {y:g}"]
    for number, (right, low) in enumerate(points[1:]):
        half = (x + right) / 2
        straight = number % 2 == 1
        path.append(f"L{right:g} {low:g}" if straight else f"C{half:g} {y:g} {half:g} {low:g} {right:g} {low:g}")
        x, y = right, low
    return "".join(path)


def _box(task: Task, layout: Layout) -> list[str]:
    box, engine = layout.boxes[task.id], " engine" if task.kind in ENGINE_KINDS else ""
    tip = escape("\n".join([f"{task.id} ({task.kind})", *details(task)]))
    parts = [
        f"<g><title>{tip}</title>",
        f'<rect class="box{engine}" x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" rx="6"/>',
    ]
    for number, line in enumerate(_lines(task)):
        style = ' class="id"' if number == 0 else ""
        parts.append(f'<text{style} x="{box.x + 12:g}" y="{box.y + 19 + number * LINE:g}">{escape(line)}</text>')
    return [*parts, "</g>"]
