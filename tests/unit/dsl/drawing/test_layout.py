"""Boxes never overlap, edges lead to the right, and an order without crossings is found where it is easy."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from dsl.drawing.layout import STAND_INS_MAX, lay_out


@st.composite
def graphs(draw):
    counts = draw(st.lists(st.integers(1, 4), min_size=1, max_size=5))
    layers = [[f"t{layer}_{n}" for n in range(count)] for layer, count in enumerate(counts)]
    pairs = [(a, b) for low, high in combinations(layers, 2) for a in low for b in high]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=12)) if pairs else []
    sizes = {item: (draw(st.floats(10, 300)), draw(st.floats(10, 90))) for layer in layers for item in layer}
    return layers, edges, sizes


@given(graphs())
def test_boxes_are_apart_and_edges_lead_right(graph) -> None:
    layers, edges, sizes = graph
    layout = lay_out(layers, edges, sizes)
    assert layout.boxes.keys() == sizes.keys()
    assert layout.edges.keys() == set(edges)
    for a, b in combinations(layout.boxes.values(), 2):
        apart_x = a.x + a.width <= b.x or b.x + b.width <= a.x
        assert apart_x or a.y + a.height <= b.y or b.y + b.height <= a.y
    for points in layout.edges.values():
        assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert all(
        box.x + box.width <= layout.width and box.y + box.height <= layout.height for box in layout.boxes.values()
    )


def test_two_edges_that_need_not_cross_do_not() -> None:
    sizes = dict.fromkeys("abcd", (10.0, 10.0))
    boxes = lay_out([["a", "b"], ["c", "d"]], [("a", "d"), ("b", "c")], sizes).boxes
    assert (boxes["a"].y < boxes["b"].y) == (boxes["d"].y < boxes["c"].y)


def test_a_graph_with_very_many_long_edges_is_drawn_straight_through() -> None:
    names = [f"t{n}" for n in range(300)]
    edges = [(names[0], name) for name in names[1:]]
    assert sum(range(299)) > STAND_INS_MAX
    layout = lay_out([[name] for name in names], edges, dict.fromkeys(names, (10.0, 10.0)))
    assert all(len(points) == 2 for points in layout.edges.values())
