"""Tar files of images: written as `docker load` takes them, read as they come."""

import gzip
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from stackc.cache import cache_dir
from stackc.image.errors import BaseError
from stackc.image.image import Image
from stackc.image.layers import digest_of_file, kept, settle
from stackc.image.oci import CONFIG, INDEX, MANIFEST, Layer, Platform, describe, encoded
from stackc.image.stores import json_object
from stackc.image.tar import Entry, write
from stackc.progress import Report, measured, task


def write_archive(image: Image, path: Path, name: str) -> None:
    """Writes the image of the only platform, layers unpacked, under the name `name:latest`."""
    (manifest,) = image.manifests
    config = f"{describe(CONFIG, manifest.config).hex}.json"
    with tempfile.TemporaryDirectory(dir=_parent(path), prefix=f".{path.name}.new-") as temporary:
        folder = Path(temporary)
        tars = [_plain(layer, folder) for layer in manifest.layers]
        index = [{"Config": config, "RepoTags": [f"{name}:latest"], "Layers": _names(tars)}]
        entries = [Entry(tar.name, tar) for tar in dict.fromkeys(tars)]
        entries.append(Entry(config, manifest.config))
        entries.append(Entry("manifest.json", json.dumps(index).encode()))
        new = folder / "image"
        with new.open("wb") as target, measured(f"write {path.name}") as report:
            write(entries, target, report)
        new.replace(path)


def _parent(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.parent


def _names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


def _plain(layer: Layer, folder: Path) -> Path:
    """The layer's tar file without its compression, which old engines do not expect here."""
    target = folder / f"{layer.diff_id.partition(':')[2]}.tar"
    kind = layer.descriptor.media_type
    if not target.exists():
        if kind.endswith("+zstd"):
            raise BaseError("a layer of the base is compressed with zstd, which no archive takes")
        with _opened(layer.path, kind) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
    return target


def _opened(path: Path, media_type: str) -> BinaryIO:
    packed = media_type.endswith("gzip")
    return cast("BinaryIO", gzip.open(path)) if packed else path.open("rb")


def layout_of(path: Path, form: str) -> Path:
    """A folder in the OCI layout with what an archive holds, kept in the cache by its digest."""
    try:
        folder = cache_dir() / "bases" / digest_of_file(path)
        if not folder.is_dir():
            with task(f"read {path.name}"), _made(folder) as new:
                _extract(path, new)
                if not (new / "index.json").is_file():
                    _convert(new)
    except (FileNotFoundError, IsADirectoryError):
        raise BaseError(f"there is no file `{path}`") from None
    except (tarfile.TarError, EOFError, LookupError, TypeError) as error:
        raise BaseError(f"`{path}` is no `{form}`: {error}") from error
    return folder


@contextmanager
def _made(folder: Path) -> Iterator[Path]:
    """A folder under another name first, so that a half-made one is never used."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as name:
        new = Path(name) / "image"
        new.mkdir()
        yield new
        settle(new, folder)


def _extract(path: Path, folder: Path) -> None:
    with tarfile.open(path) as tar:
        tar.extractall(folder, filter="data")


def _convert(folder: Path) -> None:
    """Adds the OCI layout of an image that Docker has saved."""
    saved: Any = json.loads((folder / "manifest.json").read_bytes())[0]
    config = (folder / saved["Config"]).read_bytes()
    layers = [_compressed(folder / name) for name in saved["Layers"]]
    manifest = encoded(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": describe(CONFIG, config).as_json(),
            "layers": [layer.descriptor.as_json() for layer in layers],
        }
    )
    facts = json_object(folder / saved["Config"])
    platform = Platform(facts["os"], facts["architecture"])
    listed = [describe(MANIFEST, manifest, platform).as_json()]
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    for data in (config, manifest):
        (blobs / describe(CONFIG, data).hex).write_bytes(data)
    for layer in layers:
        with suppress(FileExistsError):
            os.link(layer.path, blobs / layer.descriptor.hex)
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}
    (folder / "index.json").write_bytes(encoded(index))
    for name in {saved["Config"], *saved["Layers"]}:
        (folder / name).unlink()


def _compressed(path: Path) -> Layer:
    """A layer of an archive, compressed as our own are."""

    def fill(target: Any, report: Report) -> int:
        with path.open("rb") as probe:
            packed = probe.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as source:
            shutil.copyfileobj(source, target, 1 << 20)
        return path.stat().st_size

    return kept("base", (digest_of_file(path),), fill)
