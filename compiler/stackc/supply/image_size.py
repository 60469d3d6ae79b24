"""How much an image adds to its base: what its wheels unpack to, the models, the code.

Not counted is what the image makes of them: bytecode, and pip in its environment.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

from stackc.artifacts import cached_context, chat_templates, runtime_of
from stackc.plan import Plan
from stackc.stack import Stack

MEGABYTE = 1_000_000

ROOM = 10 * MEGABYTE
"""More bytes than the code of a stack and its runtime have."""


@dataclass(frozen=True)
class ImageSize:
    """Bytes by part: a package, a model, the runtime, the code."""

    parts: tuple[tuple[str, int], ...]

    @property
    def megabytes(self) -> float:
        """The whole, in megabytes of a million bytes."""
        return sum(size for _, size in self.parts) / MEGABYTE

    def largest(self, count: int) -> tuple[tuple[str, int], ...]:
        """The parts that take the most."""
        return tuple(sorted(self.parts, key=lambda part: (-part[1], part[0]))[:count])


def cached_size(stack: Stack, plan: Plan, most: float) -> ImageSize | None:
    """The size where the cache has all that goes into the image; nothing is fetched for it.

    Where that leaves room for the code below `most` megabytes, the code, which takes longer to make
    than all else to find, is not counted.
    """
    there = cached_context(stack, plan)
    if there is None:
        return None
    large = size_of(plan, there.code, there.linked)
    if large.megabytes + ROOM / MEGABYTE <= most:
        return large
    from stackc.emit import emit

    files = emit(plan, chat_templates(plan, stack.spec.document.source.path))
    linked = {**there.linked, **runtime_of(stack, plan, files)}
    return size_of(plan, {**files, **there.code}, linked)


def size_of(plan: Plan, files: Mapping[str, bytes], linked: Mapping[str, Path]) -> ImageSize:
    """The size of the image of these files, external code among them, and of what is linked."""
    parts: dict[str, int] = {}
    for name, size in (*_linked(linked), *_code(plan, files)):
        parts[name] = parts.get(name, 0) + size
    return ImageSize(tuple(sorted(parts.items())))


def _linked(linked: Mapping[str, Path]) -> Iterator[tuple[str, int]]:
    for path, source in linked.items():
        kind, _, rest = path.partition("/")
        if kind == "wheels":
            yield rest.partition("-")[0], _unpacked(source)
        elif kind == "models":
            yield f"the model {rest.partition('/')[0]}", source.stat().st_size
        else:
            yield "the runtime", source.stat().st_size


def _unpacked(wheel: Path) -> int:
    with ZipFile(wheel) as files:
        return sum(each.file_size for each in files.infolist())


def _code(plan: Plan, files: Mapping[str, bytes]) -> Iterator[tuple[str, int]]:
    """What the Dockerfile copies of the committed files."""
    for path, data in files.items():
        if path == "openapi.json" or path.startswith((f"{plan.package}/", "runtime/")):
            yield "the code of the stack", len(data)
