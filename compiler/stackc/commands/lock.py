"""`stackc lock`: pins packages and model files by hash."""

from argparse import ArgumentParser, Namespace, _SubParsersAction

from stackc.commands import arguments
from stackc.commands.arguments import FINE


def add(commands: "_SubParsersAction[ArgumentParser]") -> ArgumentParser:
    """Adds the command's parser."""
    parser = commands.add_parser("lock", help="pin packages and model files by hash")
    arguments.distribution(parser)
    parser.add_argument("--upgrade", action="store_true", help="take the newest packages that fit")
    return parser


def run(options: Namespace) -> int:
    """Writes the lock beside the distribution."""
    from stackc.catalog import Catalog
    from stackc.commands.output import show
    from stackc.diagnostics.render import MACHINE
    from stackc.locking import write_lock
    from stackc.pipeline import front

    stack = front(options.distribution, Catalog(), fresh=True)
    show(stack.warnings, options.format)
    path = write_lock(stack, upgrade=options.upgrade)
    if options.format not in MACHINE:
        print(f"wrote {path}")
    return FINE
