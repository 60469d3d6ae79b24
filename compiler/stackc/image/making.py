"""Making an image of a plan: the base, the layers, the manifests, and where they go."""

from collections.abc import Sequence
from dataclasses import dataclass

from stackc.image.archive import layout_of, write_archive
from stackc.image.base import Base, base_for, check_python
from stackc.image.contents import layers
from stackc.image.image import Image, image_of, manifest_of
from stackc.image.layout import refuse_other, write_layout
from stackc.image.oci import Platform
from stackc.image.reference import Archive, LayoutFolder, Place
from stackc.image.registry import Pushed, RegistryStore, push
from stackc.image.stores import LayoutStore, Store
from stackc.plan import Plan
from stackc.stack import Stack


@dataclass(frozen=True)
class Made:
    """An image, and what a registry had of it already."""

    image: Image
    pushed: Pushed | None


def make(
    stack: Stack, plan: Plan, base: Place, platforms: Sequence[Platform], output: Place
) -> Made:
    """Makes the image and writes it; raises ImageError, CompileError, OSError."""
    if isinstance(output, LayoutFolder):
        refuse_other(output.path)
    store = _store(base)
    bases = [_base(plan, platform, store, base) for platform in platforms]
    image = image_of(
        manifest_of(plan, found, tuple(layers(stack, plan, platform)), platform)
        for platform, found in zip(platforms, bases, strict=True)
    )
    return Made(image, _write(image, output, plan.name))


def _store(base: Place) -> Store:
    match base:
        case LayoutFolder():
            return LayoutStore(base.path, str(base))
        case Archive():
            return LayoutStore(layout_of(base.path, base.form), str(base))
    return RegistryStore(base)


def _base(plan: Plan, platform: Platform, store: Store, place: Place) -> Base:
    base = base_for(platform, store, str(place))
    check_python(base, plan.python, str(place))
    return base


def _write(image: Image, output: Place, name: str) -> Pushed | None:
    match output:
        case LayoutFolder():
            write_layout(image, output.path)
        case Archive():
            write_archive(image, output.path, name)
        case _:
            return push(image, output)
    return None
