"""Where everything of a drawing stands: boxes in columns, curves between their sides."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from stackc.drawing.graph import EDGE_KINDS, LAYERS, Edge, EdgeKind, Graph, Node
from stackc.drawing.words import columns, printable, shortened

MARGIN = 28
GAP = 190
"""Between two columns: room for the curves and what is written at their ends."""
BETWEEN = 14
"""Between two boxes of a column."""
LINE = 15
PADDING = 10
PORT = 17
"""Between two places where curves meet a box: a line of small text."""
CHARACTER = 7.3
LONGEST = 46
HEAD = 104
"""What stands above the boxes: the name, the notes, the titles of the columns."""
FOOT = 56


@dataclass(frozen=True)
class Box:
    """A node with its place; `lines` are its texts, cut to fit."""

    node: Node
    lines: tuple[str, ...]
    column: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Curve:
    """An edge from one point to another; `loop`: both are on the right of the same column.

    `marked_at_start` tells at which of its ends stands what it does.
    """

    edge: Edge
    start: tuple[float, float]
    end: tuple[float, float]
    loop: bool
    marked_at_start: bool


@dataclass(frozen=True)
class Mark:
    """What curves that meet do, written where they meet; `left`: left of a box."""

    kind: EdgeKind
    x: float
    y: float
    left: bool


@dataclass(frozen=True)
class Layout:
    """A drawing, to the last place."""

    width: float
    height: float
    titles: tuple[tuple[str, float], ...]
    boxes: tuple[Box, ...]
    curves: tuple[Curve, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class _Side:
    """One side of one box, where curves of different kinds meet it at different heights."""

    node: str
    left: bool


def layout_of(graph: Graph) -> Layout:
    """The places of everything in a graph; the same for the same graph."""
    layers = [list(graph.layer(number)) for number in range(len(LAYERS))]
    layers[0] = _near(layers[0], layers[1], graph.edges)
    layers[2] = _near(layers[2], layers[1], graph.edges)
    layers[3] = _near(layers[3], layers[2], graph.edges)
    column_of = {node.id: number for number, nodes in enumerate(layers) for node in nodes}
    ports = _ports(graph, column_of)
    boxes = {box.node.id: box for box in _boxes(layers, ports)}
    curves = tuple(_curve(edge, boxes, ports) for edge in graph.edges)
    right = max(box.x + box.width for box in boxes.values())
    bottom = max(box.y + box.height for box in boxes.values())
    return Layout(
        width=right + MARGIN,
        height=bottom + FOOT,
        titles=tuple(_titles(boxes.values())),
        boxes=tuple(boxes.values()),
        curves=curves,
        marks=tuple(dict.fromkeys(map(_mark, curves))),
    )


def _near(nodes: list[Node], beside: list[Node], edges: Sequence[Edge]) -> list[Node]:
    """The nodes of a layer, each near what it is joined to in the layer beside it."""
    place = {node.id: index for index, node in enumerate(beside)}
    joined: dict[str, list[int]] = {}
    for edge in edges:
        for one, other in ((edge.start, edge.end), (edge.end, edge.start)):
            if other in place:
                joined.setdefault(one, []).append(place[other])

    enabling = {edge.start for edge in edges if edge.kind == "enables"}

    def centre(node: Node) -> tuple[float, bool]:
        found = joined.get(node.id)
        mean = sum(found) / len(found) if found else len(beside)
        return mean, node.id not in enabling

    return sorted(nodes, key=centre)


def _ports(graph: Graph, column_of: dict[str, int]) -> dict[_Side, list[EdgeKind]]:
    found: dict[_Side, set[EdgeKind]] = {}
    for edge in graph.edges:
        for side in _sides(edge, column_of):
            found.setdefault(side, set()).add(edge.kind)
    return {side: sorted(kinds, key=EDGE_KINDS.index) for side, kinds in found.items()}


def _sides(edge: Edge, column_of: dict[str, int]) -> tuple[_Side, _Side]:
    loop = column_of[edge.start] == column_of[edge.end]
    return _Side(edge.start, False), _Side(edge.end, not loop)


def _boxes(layers: list[list[Node]], ports: dict[_Side, list[EdgeKind]]) -> Iterator[Box]:
    heights = [[_height(node, ports) for node in nodes] for nodes in layers]
    tallest = max(map(_stacked, heights))
    x = float(MARGIN)
    for column, nodes in enumerate(layers):
        width = max((_width(node) for node in nodes), default=0.0)
        width = max(width, columns(LAYERS[column][0]) * CHARACTER)
        y = HEAD + (tallest - _stacked(heights[column])) / 2
        for node, height in zip(nodes, heights[column], strict=True):
            yield Box(node, _texts(node), column, x, y, width, height)
            y += height + BETWEEN
        x += width + GAP


def _stacked(heights: list[float]) -> float:
    return sum(heights) + BETWEEN * max(0, len(heights) - 1)


def _texts(node: Node) -> tuple[str, ...]:
    return tuple(shortened(printable(text), LONGEST) for text in (node.label, *node.details))


def _width(node: Node) -> float:
    return 2 * PADDING + CHARACTER * max(map(columns, _texts(node)))


def _height(node: Node, ports: dict[_Side, list[EdgeKind]]) -> float:
    most = max(len(ports.get(_Side(node.id, left), ())) for left in (True, False))
    return max(2 * PADDING - 4 + LINE * len(_texts(node)), PORT * most + PADDING)


def _curve(edge: Edge, boxes: dict[str, Box], ports: dict[_Side, list[EdgeKind]]) -> Curve:
    start, end = _sides(edge, {id_: box.column for id_, box in boxes.items()})
    return Curve(
        edge,
        _point(start, edge.kind, boxes, ports),
        _point(end, edge.kind, boxes, ports),
        loop=not end.left,
        marked_at_start=boxes[edge.end].node.kind == "route",  # else each would repeat it
    )


def _point(
    side: _Side, kind: EdgeKind, boxes: dict[str, Box], ports: dict[_Side, list[EdgeKind]]
) -> tuple[float, float]:
    box, kinds = boxes[side.node], ports[side]
    middle = box.y + box.height / 2
    y = middle + PORT * (kinds.index(kind) - (len(kinds) - 1) / 2)
    return (box.x if side.left else box.x + box.width), y


def _mark(curve: Curve) -> Mark:
    """What a curve does, written at one of its ends, where others of its kind meet it."""
    x, y = curve.start if curve.marked_at_start else curve.end
    return Mark(curve.edge.kind, x, y, left=not (curve.marked_at_start or curve.loop))


def _titles(boxes: Iterable[Box]) -> Iterator[tuple[str, float]]:
    first = {box.column: box.x for box in boxes}
    yield from ((LAYERS[column][0], first[column]) for column in sorted(first))
