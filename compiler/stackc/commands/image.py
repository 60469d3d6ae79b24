"""`stackc image`: an image of the stack, without a container engine."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from typing import TYPE_CHECKING

from stackc.commands import arguments
from stackc.commands.arguments import FINE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stackc.image.oci import Platform
    from stackc.image.reference import Place


def add(commands: "_SubParsersAction[ArgumentParser]") -> ArgumentParser:
    """Adds the command's parser."""
    parser = commands.add_parser("image", help="make a container image, without an engine")
    arguments.distribution(parser)
    parser.add_argument(
        "--output",
        required=True,
        metavar="PLACE",
        help="oci:DIR, docker-archive:FILE or registry:HOST/NAME:TAG",
    )
    parser.add_argument(
        "--platform",
        action="append",
        metavar="OS/ARCH",
        help="linux/amd64 or linux/arm64; several make an index (default: this machine's)",
    )
    parser.add_argument(
        "--base",
        metavar="PLACE",
        help="the image below: oci:DIR, oci-archive:FILE, docker-archive:FILE or a name in a "
        "registry (default: python:3.11-slim)",
    )
    return parser


def run(options: Namespace) -> int:
    """Makes the image, and says what is in it."""
    from stackc.catalog import Catalog
    from stackc.commands.output import misuse, show
    from stackc.diagnostics.render import MACHINE
    from stackc.image import told
    from stackc.image.faults import image_faults
    from stackc.image.making import make
    from stackc.image.reference import parse
    from stackc.pipeline import planned_stack

    try:
        output, platforms = _output(options.output), _platforms(options.platform)
        base = parse(options.base) if options.base else None
        _check(output, platforms)
    except ValueError as error:
        return misuse(str(error))
    stack, plan = planned_stack(options.distribution, Catalog())
    show(plan.warnings, options.format)
    with image_faults(plan.place):
        base = base or parse(f"python:{plan.python}-slim")
        made = make(stack, plan, base, platforms, output)
    if options.format not in MACHINE:
        print(*told.lines(made, output, plan), sep="\n")
    return FINE


def _output(text: str) -> "Place":
    from stackc.image.reference import Archive, parse

    place = parse(text)
    if isinstance(place, Archive) and place.form != "docker-archive":
        raise ValueError(f"an image is not written as `{place.form}`; write `docker-archive`")
    return place


def _platforms(texts: "Sequence[str] | None") -> "tuple[Platform, ...]":
    """The platforms that were asked for, each once, sorted; else that of this machine."""
    from stackc.image.oci import Platform, this_platform

    found = []
    for text in texts or (str(this_platform()),):
        try:
            found.append(Platform.parse(text))
        except ValueError:
            known = "`linux/amd64` and `linux/arm64`"
            raise ValueError(f"no image is made for `{text}`, only for {known}") from None
    return tuple(sorted(set(found)))


def _check(output: "Place", platforms: "Sequence[Platform]") -> None:
    from stackc.image.reference import Archive

    if isinstance(output, Archive) and len(platforms) > 1:
        raise ValueError("a `docker-archive` holds the image of one platform")
