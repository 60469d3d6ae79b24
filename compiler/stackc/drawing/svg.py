"""A graph as SVG: readable on light and on dark, without scripts, fonts or files of others."""

from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from stackc.drawing.graph import EDGE_KINDS, Graph
from stackc.drawing.layout import LINE, MARGIN, PADDING, Box, Curve, Layout, Mark, layout_of
from stackc.drawing.words import printable

FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"

COLOURS = {
    "enables": ("#b45309", "#fbbf24"),
    "configures": ("#2563eb", "#7aa7ff"),
    "needs": ("#be185d", "#f472b6"),
    "serves": ("#0f766e", "#2dd4bf"),
    "implies": ("#64748b", "#94a3b8"),
    "answers": ("#15803d", "#4ade80"),
}
"""What edges look like, on light and on dark."""

FILLS = {
    "variable": ("#eff6ff", "#172554"),
    "provider": ("#fffbeb", "#3b2a0c"),
    "server": ("#f8fafc", "#1e293b"),
    "model": ("#f0fdfa", "#0f302d"),
    "API": ("#faf5ff", "#2e1a47"),
    "route": ("#f0fdf4", "#12301d"),
}
"""What boxes look like, on light and on dark."""

PAPER, INK, FAINT, LINES = (
    ("#ffffff", "#0f172a"),
    ("#0f172a", "#f1f5f9"),
    ("#475569", "#a8b4c6"),
    ("#94a3b8", "#64748b"),
)

MARK = 6.4
"""How wide a character of the small words at the ends of curves is."""

DASHED_REMARK = "a dashed box is there only where its variable is set"


def svg(graph: Graph) -> str:
    """The text of the drawing: the same for the same graph."""
    layout = layout_of(graph)
    root = _root(graph, layout)
    _head(root, graph, layout)
    for curve in layout.curves:
        _draw_curve(root, curve, graph)
    for box in layout.boxes:
        _draw_box(root, box)
    for mark in layout.marks:
        _draw_mark(root, mark)
    if any(node.conditional for node in graph.nodes):
        _write(root, DASHED_REMARK, MARGIN, layout.height - 22, "faint")
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _root(graph: Graph, layout: Layout) -> Element:
    width, height = _number(layout.width), _number(layout.height)
    root = Element("svg", xmlns="http://www.w3.org/2000/svg", width=width, height=height)
    root.set("viewBox", f"0 0 {width} {height}")
    root.set("role", "img")
    SubElement(root, "title").text = f"The stack {printable(graph.name)}"
    SubElement(root, "style").text = "\n".join(_style())
    definitions = SubElement(root, "defs")
    for kind in EDGE_KINDS:
        marker = SubElement(definitions, "marker", id=f"arrow-{kind}", viewBox="0 0 8 8")
        for name, value in {"refX": "7", "refY": "4", "orient": "auto"}.items():
            marker.set(name, value)
        marker.set("markerWidth", "7")
        marker.set("markerHeight", "7")
        SubElement(marker, "path", {"d": "M0,0.5 L8,4 L0,7.5 Z", "class": f"head {kind}"})
    SubElement(root, "rect", {"width": width, "height": height, "rx": "8", "class": "paper"})
    return root


def _style() -> Iterator[str]:
    yield f"text {{ font: 12px {FONT}; }}"
    yield ".name { font-size: 18px; font-weight: bold; } .label { font-weight: bold; }"
    yield ".title { font-weight: bold; letter-spacing: 0.04em; } .mark { font-size: 10.5px; }"
    yield ".mark { paint-order: stroke; stroke-width: 4px; stroke-linejoin: round; }"
    yield ".edge { fill: none; stroke-width: 1.4; } .box { stroke-width: 1.2; }"
    yield ".conditional { stroke-dasharray: 5 4; }"
    yield from _theme(0)
    yield "@media (prefers-color-scheme: dark) {"
    yield from _theme(1)
    yield "}"


def _theme(number: int) -> Iterator[str]:
    yield f".paper {{ fill: {PAPER[number]}; }} text {{ fill: {INK[number]}; }}"
    yield f"text.faint, text.title {{ fill: {FAINT[number]}; }}"
    yield f".box {{ stroke: {LINES[number]}; }} .mark {{ stroke: {PAPER[number]}; }}"
    for kind, fills in FILLS.items():
        yield f".box.{kind} {{ fill: {fills[number]}; }}"
    for kind, colours in COLOURS.items():
        colour = colours[number]
        yield f".edge.{kind} {{ stroke: {colour}; }}"
        yield f".head.{kind}, text.mark.{kind} {{ fill: {colour}; }}"


def _head(root: Element, graph: Graph, layout: Layout) -> None:
    _write(root, graph.name, MARGIN, MARGIN + 12, "name")
    _write(root, "; ".join(graph.notes), MARGIN, MARGIN + 34, "faint")
    for title, x in layout.titles:
        _write(root, title, x, MARGIN + 64, "title")


def _draw_curve(root: Element, curve: Curve, graph: Graph) -> None:
    edge = curve.edge
    path = SubElement(root, "path", {"d": _path(curve), "class": f"edge {edge.kind}"})
    path.set("marker-end", f"url(#arrow-{edge.kind})")
    words = f"{_label(edge.start, graph)} {edge.kind} {_label(edge.end, graph)}"
    SubElement(path, "title").text = printable(words)


def _path(curve: Curve) -> str:
    """The path of a curve, which is straight where a word stands over it."""
    (x1, y1), (x2, y2) = curve.start, curve.end
    straight = 22 + MARK * len(curve.edge.kind)
    from_x = x1 + straight * curve.marked_at_start
    to_x = x2 if curve.marked_at_start else x2 + straight * (1 if curve.loop else -1)
    if curve.loop:
        bends = (max(from_x, to_x) + 40,) * 2
    else:
        bend = (to_x - from_x) / 2
        bends = from_x + bend, to_x - bend
    points = (bends[0], y1), (bends[1], y2), (to_x, y2)
    curved = " ".join(f"{_number(x)},{_number(y)}" for x, y in points)
    return f"M{_number(x1)},{_number(y1)} H{_number(from_x)} C{curved} H{_number(x2)}"


def _label(id_: str, graph: Graph) -> str:
    return next(node.label for node in graph.nodes if node.id == id_)


def _draw_box(root: Element, box: Box) -> None:
    group = SubElement(root, "g")
    SubElement(group, "title").text = printable("\n".join((box.node.label, *box.node.details)))
    round_ = box.height / 2 if box.node.kind == "variable" else 6
    rect = SubElement(group, "rect", rx=_number(min(round_, 14)))
    for name in ("x", "y", "width", "height"):
        rect.set(name, _number(getattr(box, name)))
    rect.set("class", f"box {box.node.kind}{' conditional' if box.node.conditional else ''}")
    top = box.y + (box.height - LINE * len(box.lines)) / 2
    for number, line in enumerate(box.lines):
        kind = "faint" if number else "label"
        _write(group, line, box.x + PADDING, top + LINE * number + 11.5, kind)


def _draw_mark(root: Element, mark: Mark) -> None:
    x = mark.x - 11 if mark.left else mark.x + 11
    text = _write(root, mark.kind, x, mark.y - 3.5, f"mark {mark.kind}")
    text.set("text-anchor", "end" if mark.left else "start")


def _write(parent: Element, words: str, x: float, y: float, kind: str) -> Element:
    text = SubElement(parent, "text", {"x": _number(x), "y": _number(y), "class": kind})
    text.text = printable(words)
    return text


def _number(value: float) -> str:
    """A coordinate, to a tenth."""
    return f"{value:.1f}".removesuffix(".0")
