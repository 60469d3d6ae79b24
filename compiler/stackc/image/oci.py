"""The words of the OCI image specification: digests, platforms, descriptors, JSON in one spelling."""

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

DOCKER = {
    "application/vnd.docker.distribution.manifest.list.v2+json": INDEX,
    "application/vnd.docker.distribution.manifest.v2+json": MANIFEST,
    "application/vnd.docker.image.rootfs.diff.tar.gzip": LAYER,
    "application/vnd.docker.image.rootfs.diff.tar": LAYER.removesuffix("+gzip"),
}
"""Docker's names of the same things."""

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
"""The architectures that images are made for, and what wheels call them."""


@dataclass(frozen=True, order=True)
class Platform:
    """An operating system and an architecture, as images call them."""

    os: str
    architecture: str

    @classmethod
    def parse(cls, text: str) -> "Platform":
        """The platform of `linux/amd64`; raises ValueError for one that no image is made for."""
        os, _, architecture = text.partition("/")
        if os != "linux" or architecture not in MACHINES:
            raise ValueError(text)
        return cls(os, architecture)

    @property
    def machine(self) -> str:
        """The architecture as the tags of wheels call it."""
        return MACHINES[self.architecture]

    def __str__(self) -> str:
        return f"{self.os}/{self.architecture}"


def this_platform() -> Platform:
    """Linux on the processor of this machine."""
    arm = platform.machine().lower() in ("arm64", "aarch64")
    return Platform("linux", "arm64" if arm else "amd64")


@dataclass(frozen=True)
class Descriptor:
    """Points at a blob: what it is, its digest, its size in bytes."""

    media_type: str
    digest: str
    size: int
    platform: Platform | None = None
    annotations: tuple[tuple[str, str], ...] = ()

    @property
    def hex(self) -> str:
        """The digest without the name of its algorithm."""
        return self.digest.partition(":")[2]

    def as_json(self) -> dict[str, Any]:
        """The descriptor as manifests have it."""
        data: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": self.size,
        }
        if self.platform:
            data["platform"] = {
                "os": self.platform.os,
                "architecture": self.platform.architecture,
            }
        if self.annotations:
            data["annotations"] = dict(self.annotations)
        return data


@dataclass(frozen=True)
class Layer:
    """A layer: its compressed blob in a file, the digest of its tar, what it holds.

    `unpacked` is the size of its files in bytes, None for a layer of the base.
    """

    title: str
    descriptor: Descriptor
    diff_id: str
    path: Path
    unpacked: int | None = None


def digest_of(data: bytes) -> str:
    """The digest of a blob."""
    return f"sha256:{sha256(data).hexdigest()}"


def describe(media_type: str, data: bytes, platform_: Platform | None = None) -> Descriptor:
    """The descriptor of a blob."""
    return Descriptor(media_type, digest_of(data), len(data), platform_)


def encoded(data: Mapping[str, Any]) -> bytes:
    """JSON in the one spelling that digests are taken of."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
