"""The commands, a module each: `add` says what the command line takes, `run` does it.

Importing them is cheap: what a command needs is imported when it runs.
"""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from typing import Protocol

from stackc.commands import (
    build,
    check,
    completion,
    diff,
    docs,
    explain,
    graph,
    image,
    init,
    licences,
    list_apis,
    list_deps,
    list_distributions,
    list_providers,
    lock,
    measure,
    migrate,
    new,
    provenance,
    run,
    sbom,
    schema,
    verify,
    why,
)


class Command(Protocol):
    """What a module of this folder holds."""

    def add(self, commands: "_SubParsersAction[ArgumentParser]") -> ArgumentParser:
        """Adds the command's parser."""

    def run(self, options: Namespace) -> int:
        """Runs the command; returns the exit code."""


COMMANDS: tuple[Command, ...] = (
    init,
    build,
    check,
    run,
    image,
    lock,
    migrate,
    why,
    graph,
    diff,
    verify,
    measure,
    sbom,
    licences,
    provenance,
    explain,
    list_distributions,
    list_apis,
    list_providers,
    list_deps,
    schema,
    docs,
    new,
    completion,
)
"""Every command, in the order in which `--help` tells them."""
