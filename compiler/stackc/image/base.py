"""The image that a stack's layers are put on, for one platform."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stackc.image.errors import BaseError, WrongPlatformError
from stackc.image.oci import INDEX, Descriptor, Layer, Platform
from stackc.image.stores import Store, descriptor_of, json_object


@dataclass(frozen=True)
class Base:
    """The base of one platform: the digest of its manifest, its config, its layers."""

    digest: str
    config: Mapping[str, Any]
    layers: tuple[Layer, ...]


def base_for(platform: Platform, store: Store, shown: str) -> Base:
    """Reads the base; raises BaseError, WrongPlatformError."""
    descriptor, manifest = _manifest(store.root(), platform, store, shown)
    config = json_object(store.blob(descriptor_of(manifest.get("config"))))
    found = f"{config.get('os')}/{config.get('architecture')}"
    if found != str(platform):
        raise WrongPlatformError(shown, str(platform), (found,))
    return Base(descriptor.digest, config, tuple(_layers(manifest, config, store)))


def check_python(base: Base, python: str, shown: str) -> None:
    """Raises BaseError where the base says that its Python is another one than `python`."""
    for variable in base.config.get("config", {}).get("Env") or ():
        name, _, version = variable.partition("=")
        if name == "PYTHON_VERSION" and version.split(".")[:2] != python.split("."):
            raise BaseError(f"`{shown}` has Python {version}, and the stack is for {python}")


def _manifest(
    root: dict[str, Any], platform: Platform, store: Store, shown: str
) -> tuple[Descriptor, dict[str, Any]]:
    """The manifest for a platform among those that an index names; one may be an index again."""
    entries = root.get("manifests")
    if not isinstance(entries, list):
        raise BaseError(f"`{shown}` has no list of manifests")
    for entry in _candidates(entries, platform):
        descriptor = descriptor_of(entry)
        found = json_object(store.blob(descriptor))
        if descriptor.media_type == INDEX:
            return _manifest(found, platform, store, shown)
        return descriptor, found
    raise WrongPlatformError(shown, str(platform), tuple(_platforms(entries)))


def _candidates(entries: list[Any], platform: Platform) -> Iterator[Any]:
    """The entries for a platform, else the only one where it does not say what it is for."""
    for entry in entries:
        told = entry.get("platform") or {}
        if (told.get("os"), told.get("architecture")) == (platform.os, platform.architecture):
            yield entry
    if len(entries) == 1 and not entries[0].get("platform"):
        yield entries[0]


def _platforms(entries: list[Any]) -> Iterator[str]:
    for told in (entry.get("platform") for entry in entries):
        if told and told.get("os") != "unknown":  # BuildKit's attestations
            yield f"{told.get('os')}/{told.get('architecture')}"


def _layers(
    manifest: Mapping[str, Any], config: Mapping[str, Any], store: Store
) -> Iterator[Layer]:
    descriptors = [descriptor_of(each) for each in manifest.get("layers", ())]
    diff_ids = config.get("rootfs", {}).get("diff_ids", ())
    if len(descriptors) != len(diff_ids):
        raise BaseError("the base image has another number of layers than its config says")
    for descriptor, diff_id in zip(descriptors, diff_ids, strict=True):
        yield Layer("base", descriptor, diff_id, store.blob(descriptor))
