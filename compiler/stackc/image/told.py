"""What people are told of an image that was made."""

from collections.abc import Iterator

from stackc.image.image import Manifest
from stackc.image.making import Made
from stackc.image.oci import Layer
from stackc.image.reference import Place
from stackc.plan import Plan
from stackc.wheels import for_platform


def lines(made: Made, output: Place, plan: Plan) -> Iterator[str]:
    """The digest, the layers with their sizes, what they hold, what was pushed."""
    yield f"made {output}"
    yield f"digest: {made.image.root.digest}"
    for manifest in made.image.manifests:
        yield from _platform(manifest, plan)
    if made.pushed:
        yield f"pushed: {made.pushed.sent} blobs sent, {made.pushed.there} were there"


def _platform(manifest: Manifest, plan: Plan) -> Iterator[str]:
    platform = manifest.descriptor.platform
    assert platform
    packages = len(for_platform(plan.lock.packages, platform.machine))
    unpacked = sum(layer.unpacked or 0 for layer in manifest.own)
    yield f"{platform}: {packages} packages, {_size(unpacked)} unpacked above the base"
    yield from map(_layer, manifest.layers)


def _layer(layer: Layer) -> str:
    unpacked = f", {_size(layer.unpacked)} unpacked" if layer.unpacked is not None else ""
    return (
        f"  {layer.title:<9} {layer.descriptor.hex[:12]} {_size(layer.descriptor.size)}{unpacked}"
    )


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"
