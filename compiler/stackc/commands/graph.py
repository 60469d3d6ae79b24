"""`stackc graph`: draws a stack, from its variables to its routes."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path

from stackc.commands.arguments import FINE

FORMATS = ("svg", "mermaid")


def add(commands: "_SubParsersAction[ArgumentParser]") -> ArgumentParser:
    """Adds the command's parser."""
    parser = commands.add_parser("graph", help="draw a stack, from its variables to its routes")
    parser.add_argument("distribution", type=Path, metavar="DISTRIBUTION", help="a YAML file")
    parser.add_argument(
        "--format", dest="form", choices=FORMATS, default=FORMATS[0], help="(default: svg)"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write into FILE")
    return parser


def run(options: Namespace) -> int:
    """Prints the drawing, or writes it into a file."""
    from stackc.catalog import Catalog
    from stackc.drawing.graph import graph_of
    from stackc.drawing.mermaid import mermaid
    from stackc.drawing.svg import svg
    from stackc.faults import write_faults
    from stackc.pipeline import planned_stack

    stack, plan = planned_stack(options.distribution, Catalog())
    graph = graph_of(stack, plan)
    text = svg(graph) if options.form == "svg" else mermaid(graph)
    if options.output is None:
        print(text, end="")
        return FINE
    with write_faults(plan.place):
        options.output.write_text(text, encoding="utf-8")
    return FINE
