"""`stackc migrate`: writes a distribution in today's spelling."""

import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path

from stackc.commands import arguments
from stackc.commands.arguments import FINE


def add(commands: "_SubParsersAction[ArgumentParser]") -> ArgumentParser:
    """Adds the command's parser."""
    parser = commands.add_parser("migrate", help="write a distribution in today's spelling")
    arguments.distribution(parser)
    parser.add_argument("--output", type=Path, metavar="FILE", help="write there (- for stdout)")
    return parser


def run(options: Namespace) -> int:
    """Writes the file anew, or another one."""
    from stackc.catalog import Catalog
    from stackc.faults import write_faults
    from stackc.migrate import migrated
    from stackc.source import Source, Span

    text = migrated(options.distribution, Catalog())
    output = options.output or options.distribution
    if str(output) == "-":
        sys.stdout.write(text)
        return FINE
    with write_faults(Span.start_of(Source(output, text))):
        output.write_text(text, encoding="utf-8")
    print(f"wrote {output}")
    return FINE
