"""An image of a plan: a manifest for each platform, and an index where there are several."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stackc.image.base import Base
from stackc.image.config import config_of
from stackc.image.oci import (
    CONFIG,
    INDEX,
    MANIFEST,
    Descriptor,
    Layer,
    Platform,
    describe,
    encoded,
)
from stackc.plan import Plan


@dataclass(frozen=True)
class Manifest:
    """The image of one platform; `layers` are all of them, `own` those above the base."""

    descriptor: Descriptor
    data: bytes
    config: bytes
    layers: tuple[Layer, ...]
    own: tuple[Layer, ...]


@dataclass(frozen=True)
class Image:
    """Everything of an image: `root` is its index, or the manifest of its only platform."""

    manifests: tuple[Manifest, ...]
    root: Descriptor
    index: bytes | None

    @property
    def documents(self) -> dict[str, bytes]:
        """Configs, manifests and the index by digest: the blobs that are no layers."""
        found: dict[str, bytes] = {}
        for manifest in self.manifests:
            found[describe(CONFIG, manifest.config).digest] = manifest.config
            found[manifest.descriptor.digest] = manifest.data
        if self.index:
            found[self.root.digest] = self.index
        return found

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers of all platforms, each blob once."""
        every = (layer for manifest in self.manifests for layer in manifest.layers)
        return tuple({layer.descriptor.digest: layer for layer in every}.values())


def manifest_of(plan: Plan, base: Base, own: Sequence[Layer], platform: Platform) -> Manifest:
    """The manifest of a platform."""
    config = encoded(config_of(plan.container, base, own, platform))
    layers = (*base.layers, *own)
    data = encoded(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": describe(CONFIG, config).as_json(),
            "layers": [layer.descriptor.as_json() for layer in layers],
            "annotations": {"org.opencontainers.image.base.digest": base.digest},
        }
    )
    return Manifest(describe(MANIFEST, data, platform), data, config, layers, tuple(own))


def image_of(manifests: Iterable[Manifest]) -> Image:
    """The image of its manifests, one a platform."""
    every = tuple(manifests)
    if len(every) == 1:
        return Image(every, every[0].descriptor, None)
    listed = [manifest.descriptor.as_json() for manifest in every]
    index = encoded({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed})
    return Image(every, describe(INDEX, index), index)
