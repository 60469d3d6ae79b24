"""`stackc schema`: the JSON Schema of a distribution, for editors."""

from argparse import ArgumentParser, Namespace, _SubParsersAction

from stackc.commands.arguments import FINE


def add(commands: "_SubParsersAction[ArgumentParser]") -> ArgumentParser:
    """Adds the command's parser."""
    return commands.add_parser(
        "schema", help="print the JSON Schema of a distribution, for editors"
    )


def run(options: Namespace) -> int:
    """Prints the schema."""
    from stackc.catalog import Catalog
    from stackc.editor_schema import editor_schema, text

    print(text(editor_schema(Catalog())), end="")
    return FINE
