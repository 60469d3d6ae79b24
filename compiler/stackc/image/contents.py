"""What the layers of a stack hold, in the order of how rarely they change."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from stackc import artifacts
from stackc.cache import cache_dir
from stackc.container import FOLDER
from stackc.emit import Files, emit
from stackc.image.layers import digest_of_file, kept, layer_of
from stackc.image.oci import Layer, Platform
from stackc.image.tar import Entry, write
from stackc.image.unpacking import unpack
from stackc.plan import Plan
from stackc.progress import Report
from stackc.stack import Stack


def layers(stack: Stack, plan: Plan, platform: Platform) -> Iterator[Layer]:
    """Packages, models, runtime and generated code; the last is all that most changes touch."""
    distribution = stack.spec.document.source.path
    files = emit(plan, artifacts.chat_templates(plan, distribution))
    wheels = artifacts.wheels_of(plan, platform.machine)
    yield _packages(wheels, plan.container.site_packages)
    if plan.models:
        yield layer_of("models", _linked(artifacts.models(plan, distribution, cache_dir()).items()))
    yield layer_of("runtime", _runtime(stack, files, wheels))
    yield layer_of("code", _code(plan, files))


def _packages(wheels: Mapping[str, Path], site_packages: str) -> Layer:
    parts = [f"{name}\0{digest_of_file(path)}" for name, path in sorted(wheels.items())]

    def fill(target: BinaryIO, report: Report) -> int:
        with tempfile.TemporaryDirectory() as name:
            return write(unpack(wheels, Path(name), site_packages), target, report)

    return kept("packages", (site_packages, *parts), fill)


def _linked(files: Iterable[tuple[str, Path]]) -> Iterator[Entry]:
    for path, source in files:
        yield Entry(f"{FOLDER.lstrip('/')}/{path}", source)


def _runtime(stack: Stack, files: Files, wheels: dict[str, Path]) -> Iterator[Entry]:
    """Our modules, and those of external providers."""
    yield from _linked(artifacts.runtime(stack, files, wheels).items())
    for path, data in artifacts.external_code(stack).items():
        yield Entry(f"{FOLDER.lstrip('/')}/{path}", data)


def _code(plan: Plan, files: Files) -> Iterator[Entry]:
    """What the Dockerfile copies of the files that are committed."""
    for path, data in files.items():
        if path == "openapi.json" or path.startswith(f"{plan.package}/"):
            yield Entry(f"{FOLDER.lstrip('/')}/{path}", data)
