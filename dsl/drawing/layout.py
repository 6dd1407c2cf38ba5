"""Where tasks and edges of one cluster go: layers from left to right, ordered so that few edges cross.

The layered method of Sugiyama, Tagawa and Toda (1981): longest-way layers, a stand-in in each layer that an edge
passes, and sweeps that put each item near the middle of its neighbours. Units are those of the SVG.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Final

SWEEPS: Final = 6
STAND_INS_MAX: Final = 20_000
"""Above this edges are drawn straight through: a drawing of that size is not read edge by edge."""

GAP_X: Final = 56.0
GAP_Y: Final = 18.0
STAND_IN_HEIGHT: Final = 6.0

Item = str | tuple[str, str, int]
"""A task's id, or the stand-in of an edge (from, to) in a layer."""


@dataclass(frozen=True, slots=True)
class Box:
    """A placed rectangle: its upper left corner and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """The height at which edges come and go."""
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Layout:
    """A cluster laid out from (0, 0): boxes by task, and the points that each edge goes through."""

    boxes: Mapping[str, Box]
    edges: Mapping[tuple[str, str], tuple[tuple[float, float], ...]]
    width: float
    height: float


def lay_out(
    layers: Sequence[Sequence[str]], edges: Sequence[tuple[str, str]], sizes: Mapping[str, tuple[float, float]]
) -> Layout:
    """Place tasks of the given sizes (width, height). Every edge leads from a layer to a later one."""
    level = {identifier: number for number, layer in enumerate(layers) for identifier in layer}
    rows: list[list[Item]] = [list(layer) for layer in layers]
    chains = {edge: _chain(edge, level) for edge in edges}
    if sum(map(len, chains.values())) - 2 * len(chains) > STAND_INS_MAX:
        chains = {edge: list(edge) for edge in edges}
    for (source, _), chain in chains.items():
        for layer, item in enumerate(chain[1:-1], level[source] + 1):
            rows[layer].append(item)
    _sort(rows, list(chains.values()))
    placed = _place(rows, sizes)
    boxes = {item: box for item, box in placed.items() if isinstance(item, str)}
    return Layout(
        boxes,
        {edge: _points(chain, placed) for edge, chain in chains.items()},
        max((box.x + box.width for box in placed.values()), default=0.0),
        max((box.y + box.height for box in placed.values()), default=0.0),
    )


def _chain(edge: tuple[str, str], level: Mapping[str, int]) -> list[Item]:
    source, target = edge
    return [source, *((source, target, layer) for layer in range(level[source] + 1, level[target])), target]


def _sort(rows: list[list[Item]], chains: Sequence[Sequence[Item]]) -> None:
    before: dict[Item, list[Item]] = {}
    behind: dict[Item, list[Item]] = {}
    for chain in chains:
        for left, right in pairwise(chain):
            behind.setdefault(left, []).append(right)
            before.setdefault(right, []).append(left)
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        for row in rows if forward else reversed(rows):
            _settle(row, rows, before if forward else behind)


def _settle(row: list[Item], rows: list[list[Item]], neighbours: Mapping[Item, list[Item]]) -> None:
    """Sort one layer by the mean place of each item's neighbours; what has none keeps its own place."""
    near = {item for own in row for item in neighbours.get(own, ())}
    place = {item: (number + 0.5) / len(other) for other in rows for number, item in enumerate(other) if item in near}
    own = {item: (number + 0.5) / len(row) for number, item in enumerate(row)}
    row.sort(key=lambda item: fmean(place[one] for one in neighbours[item]) if item in neighbours else own[item])


def _place(rows: Sequence[Sequence[Item]], sizes: Mapping[str, tuple[float, float]]) -> dict[Item, Box]:
    def size(item: Item) -> tuple[float, float]:
        return sizes[item] if isinstance(item, str) else (0.0, STAND_IN_HEIGHT)

    heights = [sum(size(item)[1] + GAP_Y for item in row) - GAP_Y for row in rows]
    tallest, x = max(heights, default=0.0), 0.0
    placed: dict[Item, Box] = {}
    for row, height in zip(rows, heights, strict=True):
        column, y = max(size(item)[0] for item in row), (tallest - height) / 2
        for item in row:
            width = size(item)[0] if isinstance(item, str) else column
            placed[item] = Box(x, y, width, size(item)[1])
            y += size(item)[1] + GAP_Y
        x += column + GAP_X
    return placed


def _points(chain: Sequence[Item], placed: Mapping[Item, Box]) -> tuple[tuple[float, float], ...]:
    first, last = placed[chain[0]], placed[chain[-1]]
    points = [(first.x + first.width, first.middle)]
    for item in chain[1:-1]:
        box = placed[item]
        points += [(box.x, box.middle), (box.x + box.width, box.middle)]
    return (*points, (last.x, last.middle))
