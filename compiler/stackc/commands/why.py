"""`stackc why`: the chain from a package, a route, a variable to what the distribution says."""

from argparse import ArgumentParser, Namespace, _SubParsersAction

from stackc.commands import arguments
from stackc.commands.arguments import FINE


def add(commands: "_SubParsersAction[ArgumentParser]") -> ArgumentParser:
    """Adds the command's parser."""
    parser = commands.add_parser("why", help="say why something is in a stack")
    arguments.distribution(parser, "how the answer, and errors, are shown")
    parser.add_argument(
        "thing",
        nargs="+",
        metavar="THING",
        help="a package, a route, an API, a provider, a model, a variable, a module of stackrt",
    )
    return parser


def run(options: Namespace) -> int:
    """Prints an answer for each thing of the name."""
    import json

    from stackc.catalog import Catalog
    from stackc.commands.output import unknown
    from stackc.pipeline import planned_stack
    from stackc.reasons.answers import answers, names
    from stackc.reasons.parts import Known
    from stackc.reasons.reason import as_json, text

    word = " ".join(options.thing)
    catalog = Catalog()
    known = Known(*planned_stack(options.distribution, catalog), catalog)
    found = answers(word, known)
    if not found:
        return unknown("thing in this stack", word, names(known))
    if options.format == "json":
        data = {"thing": word, "answers": [as_json(answer) for answer in found]}
        print(json.dumps(data, indent=2, ensure_ascii=False))
    else:
        print(*map(text, found), sep="\n", end="")
    return FINE
