"""A graph as Mermaid text: a flowchart that GitHub and others draw in Markdown."""

from collections.abc import Iterator

from stackc.drawing.graph import LAYERS, Graph, Node
from stackc.drawing.words import printable

SHAPES = {
    "variable": ("([", "])"),
    "provider": ("[", "]"),
    "server": ("[", "]"),
    "model": ("[(", ")]"),
    "API": ("{{", "}}"),
    "route": ("[", "]"),
}


def mermaid(graph: Graph) -> str:
    """The text of the flowchart; ids are numbers, as the words of a user could be keywords."""
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: Graph) -> Iterator[str]:
    ids = {node.id: f"n{number}" for number, node in enumerate(graph.nodes)}
    yield "flowchart LR"
    for note in (graph.name, *graph.notes):
        yield f"    %% {comment(note)}"
    for number, (title, _) in enumerate(LAYERS):
        yield f'    subgraph layer{number}["{escaped(title)}"]'
        yield from (f"        {_node(node, ids[node.id])}" for node in graph.layer(number))
        yield "    end"
    for edge in graph.edges:
        yield f"    {ids[edge.start]} -->|{edge.kind}| {ids[edge.end]}"
    conditional = [ids[node.id] for node in graph.nodes if node.conditional]
    if conditional:
        yield "    classDef conditional stroke-dasharray: 5 4"
        yield f"    class {','.join(conditional)} conditional"


def _node(node: Node, id_: str) -> str:
    opening, closing = SHAPES[node.kind]
    text = "<br/>".join(map(escaped, (node.label, *node.details)))
    return f'{id_}{opening}"{text}"{closing}'


def escaped(text: str) -> str:
    """A text as Mermaid shows it: everything but letters, digits and a few marks by its number."""
    return "".join(
        character if character.isalnum() or character in " -_.,:/" else f"#{ord(character)};"
        for character in printable(text)
    )


def comment(text: str) -> str:
    """A text that ends with its line and holds no directive, which `%%{` would begin."""
    return printable(text).replace("{", "(").replace("}", ")")
