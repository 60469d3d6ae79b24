"""Where a base image is read from: its first manifest or index, and blobs by descriptor."""

import json
from pathlib import Path
from typing import Any, Protocol

from stackc.image.errors import BaseError
from stackc.image.layers import digest_of_file
from stackc.image.oci import DOCKER, Descriptor


class Store(Protocol):
    """An image that can be read."""

    def root(self) -> dict[str, Any]:
        """An index: of the whole image, or of the one manifest or index that it is."""

    def blob(self, descriptor: Descriptor) -> Path:
        """A file with the blob, checked by its digest; raises BaseError."""


class LayoutStore:
    """An image in a folder in the OCI image layout."""

    def __init__(self, folder: Path, shown: str) -> None:
        self._folder = folder
        self._shown = shown

    def root(self) -> dict[str, Any]:
        """The index of the folder."""
        path = self._folder / "index.json"
        try:
            return json_object(path)
        except FileNotFoundError:
            raise BaseError(f"there is no image at `{self._shown}`") from None

    def blob(self, descriptor: Descriptor) -> Path:
        """The blob's own file."""
        path = self._folder / "blobs" / "sha256" / descriptor.hex
        try:
            check(path, descriptor)
        except FileNotFoundError:
            raise BaseError(f"`{self._shown}` lacks the blob {descriptor.digest}") from None
        return path


def check(path: Path, descriptor: Descriptor) -> None:
    """Raises BaseError where a file is not what its descriptor says."""
    if digest_of_file(path) != descriptor.hex:
        raise BaseError(f"the blob {descriptor.digest} of the base image is damaged")


def json_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file; raises BaseError where there is none."""
    try:
        data = json.loads(path.read_bytes())
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise BaseError("the base image has a manifest that is no JSON object")
    return data


def descriptor_of(data: Any) -> Descriptor:
    """The descriptor of its JSON, Docker's media types as OCI's; raises BaseError."""
    try:
        media_type = DOCKER.get(data["mediaType"], data["mediaType"])
        descriptor = Descriptor(media_type, data["digest"], data["size"])
    except (KeyError, TypeError):
        raise BaseError("the base image has a manifest with a bad descriptor") from None
    if not descriptor.digest.startswith("sha256:"):
        raise BaseError(f"the base image has a digest of an unknown kind, {descriptor.digest}")
    return descriptor
