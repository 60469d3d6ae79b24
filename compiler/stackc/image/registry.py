"""Images in registries, by OCI's distribution protocol: a base is pulled, an image is pushed.

`oras`, the client on PyPI, checks what it pushes against the schema of a manifest, so it refuses an
index, and it writes the JSON anew, so that the digest would be another one.
"""

import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stackc.cache import cache_dir
from stackc.image.errors import BaseError, RegistryError
from stackc.image.exchange import Exchange
from stackc.image.image import Image
from stackc.image.oci import DOCKER, INDEX, MANIFEST, Descriptor, describe
from stackc.image.reference import Repository
from stackc.image.stores import check
from stackc.progress import Report, measured

ACCEPTED = ", ".join((INDEX, MANIFEST, *list(DOCKER)[:2]))
PIECE = 1 << 20


@dataclass(frozen=True)
class Pushed:
    """How many blobs a push has sent, and how many were there."""

    sent: int
    there: int


class RegistryStore:
    """A base image in a registry; what was pulled is kept in the cache by digest."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._exchange = Exchange(repository)
        self._folder = cache_dir() / "bases" / "blobs"

    def root(self) -> dict[str, Any]:
        """An index of what the tag or the digest names."""
        exchange, tag = self._exchange, self._repository.tag
        asked = {"Accept": ACCEPTED}
        answer = exchange.persistently(lambda: exchange.send("GET", f"manifests/{tag}", asked))
        if answer.status_code == 404:
            raise BaseError(f"there is no image `{self._repository}`")
        kind = answer.headers.get("Content-Type", "").partition(";")[0]
        descriptor = describe(DOCKER.get(kind, kind), answer.content)
        if tag.startswith("sha256:") and tag != descriptor.digest:
            raise BaseError(f"the registry gives another image for `{self._repository}`")
        return {"manifests": [descriptor.as_json()]}

    def blob(self, descriptor: Descriptor) -> Path:
        """The blob, of the cache or pulled."""
        path = self._folder / descriptor.hex
        if not path.is_file():
            with measured(f"pull {descriptor.hex[:12]}") as report:
                self._exchange.persistently(lambda: self._pull(descriptor, path, report))
        check(path, descriptor)
        return path

    def _pull(self, descriptor: Descriptor, path: Path, report: Report) -> None:
        kind = "manifests" if descriptor.media_type in (INDEX, MANIFEST) else "blobs"
        url = f"{kind}/{descriptor.digest}"
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-") as name:
            new, done = Path(name) / "blob", 0
            with self._exchange.stream("GET", url, {"Accept": ACCEPTED}) as answer:
                if answer.status_code == 404:
                    raise BaseError(f"`{self._repository}` lacks the blob {descriptor.digest}")
                with new.open("wb") as target:
                    for piece in answer.iter_bytes(PIECE):
                        target.write(piece)
                        done += len(piece)
                        report(done, descriptor.size)
            check(new, descriptor)
            new.replace(path)


def push(image: Image, repository: Repository) -> Pushed:
    """Sends what the repository lacks: layers, then configs, then manifests, the tag last.

    Until the last request, nobody sees any of it. Raises RegistryError.
    """
    with closing(Exchange(repository)) as exchange:
        layers = [_push_layer(exchange, layer.descriptor, layer.path) for layer in image.layers]
        configs = [_push_bytes(exchange, manifest.config) for manifest in image.manifests]
        for manifest in image.manifests if image.index else ():
            _put(exchange, manifest.descriptor, manifest.data, manifest.descriptor.digest)
        _put(exchange, image.root, image.documents[image.root.digest], repository.tag)
    done = [*layers, *configs]
    return Pushed(sum(done), len(done) - sum(done))


def _push_layer(exchange: Exchange, descriptor: Descriptor, path: Path) -> bool:
    with measured(f"push {descriptor.hex[:12]}") as report:

        def pieces() -> Iterator[bytes]:
            done = 0
            with path.open("rb") as source:
                while piece := source.read(PIECE):
                    yield piece
                    done += len(piece)
                    report(done, descriptor.size)

        return exchange.persistently(lambda: _upload(exchange, descriptor, pieces))


def _push_bytes(exchange: Exchange, data: bytes) -> bool:
    descriptor = describe("", data)
    return exchange.persistently(lambda: _upload(exchange, descriptor, lambda: iter((data,))))


def _upload(exchange: Exchange, descriptor: Descriptor, content: Any) -> bool:
    """Sends a blob from its start, in one request; False where it is there already."""
    if exchange.send("HEAD", f"blobs/{descriptor.digest}").status_code != 404:
        return False
    begun = exchange.send("POST", "blobs/uploads/", {"Content-Length": "0"})
    place = begun.headers.get("Location")
    if not place:
        raise RegistryError(exchange.host, "opens no upload")
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Length": str(descriptor.size),
    }
    whole = begun.url.join(place).copy_merge_params({"digest": descriptor.digest})
    exchange.send("PUT", str(whole), headers, content)
    return True


def _put(exchange: Exchange, descriptor: Descriptor, data: bytes, tag: str) -> None:
    headers = {"Content-Type": descriptor.media_type}
    exchange.persistently(lambda: exchange.send("PUT", f"manifests/{tag}", headers, data))
