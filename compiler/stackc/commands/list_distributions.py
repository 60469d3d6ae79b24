"""`stackc list`: each distribution of the folder, and whether it is built."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path

from stackc.commands.arguments import FINE


def add(commands: "_SubParsersAction[ArgumentParser]") -> ArgumentParser:
    """Adds the command's parser."""
    return commands.add_parser("list", help="list the distributions of ./distributions")


def run(options: Namespace) -> int:
    """Prints a line for each distribution."""
    for path in sorted(Path("distributions").glob("*.yaml")):
        state = "built" if (Path("generated") / path.stem).is_dir() else "not built"
        print(f"{path.stem:<24} {state}")
    return FINE
