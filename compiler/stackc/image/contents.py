"""What the layers of a stack hold, in the order of how rarely they change."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from stackc import artifacts
from stackc.container import FOLDER
from stackc.emit import Files, emit
from stackc.image.layers import digest_of_file, kept, layer_of
from stackc.image.oci import Layer, Platform
from stackc.image.tar import Entry, write
from stackc.image.unpacking import unpack
from stackc.plan import Plan
from stackc.progress import Report


def layers(plan: Plan, distribution: Path, platform: Platform) -> Iterator[Layer]:
    """Packages, models, runtime and generated code; the last is all that most changes touch."""
    files = emit(plan, artifacts.chat_templates(plan, distribution))
    yield _packages(artifacts.wheels_of(plan, platform.machine), plan.container.site_packages)
    if plan.models:
        yield layer_of("models", _linked(artifacts.models(plan, distribution)))
    yield layer_of("runtime", _linked(artifacts.runtime(plan, files)))
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


def _code(plan: Plan, files: Files) -> Iterator[Entry]:
    """What the Dockerfile copies of the files that are committed."""
    for path, data in files.items():
        if path == "openapi.json" or path.startswith(f"{plan.package}/"):
            yield Entry(f"{FOLDER.lstrip('/')}/{path}", data)
