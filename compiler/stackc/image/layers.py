"""Layers, made once and kept in the cache under what they are made of."""

import json
import tempfile
from collections.abc import Callable, Iterable
from hashlib import file_digest, sha256
from pathlib import Path
from typing import BinaryIO, cast

from stackc.cache import cache_dir
from stackc.image.compression import VERSION, GzipWriter
from stackc.image.oci import LAYER, Descriptor, Layer
from stackc.image.tar import Entry, write
from stackc.progress import Report, measured

FORM = "1"
"""Changes with how layers are written, so that none of another form is taken from the cache."""

Fill = Callable[[BinaryIO, Report], int]
"""Writes a tar file; returns the bytes of the files in it."""


def layer_of(title: str, entries: Iterable[Entry]) -> Layer:
    """The layer of these files."""
    known = sorted(entries, key=lambda entry: entry.path)
    parts = (f"{entry.path}\0{entry.executable}\0{_digest(entry.data)}" for entry in known)
    return kept(title, parts, lambda target, report: write(known, target, report))


def kept(title: str, parts: Iterable[str], fill: Fill) -> Layer:
    """The layer that follows from `parts`: of the cache, else made by `fill`."""
    key = sha256("\0\0".join((FORM, VERSION, title, *parts)).encode()).hexdigest()[:32]
    folder = cache_dir() / "layers" / key
    if not folder.is_dir():
        with measured(f"layer {title}") as report:
            _make(folder, fill, report)
    return _read(title, folder)


def _digest(data: bytes | Path) -> str:
    return sha256(data).hexdigest() if isinstance(data, bytes) else digest_of_file(data)


def digest_of_file(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as source:
        return file_digest(source, "sha256").hexdigest()


def _make(folder: Path, fill: Fill, report: Report) -> None:
    """Makes the layer under another name first, so that a half-made one is never used."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as name:
        new = Path(name) / "layer"
        new.mkdir()
        with (new / "layer.tar.gz").open("wb") as target:
            writer = GzipWriter(target)
            unpacked = fill(cast("BinaryIO", writer), report)
            writer.finish()
        facts = {"digest": writer.packed, "size": writer.size, "diff_id": writer.plain}
        (new / "layer.json").write_text(json.dumps({**facts, "unpacked": unpacked}))
        settle(new, folder)


def settle(new: Path, folder: Path) -> None:
    """Gives a finished folder its name, unless another run was faster."""
    try:
        new.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def _read(title: str, folder: Path) -> Layer:
    facts = json.loads((folder / "layer.json").read_text())
    descriptor = Descriptor(LAYER, facts["digest"], facts["size"])
    return Layer(title, descriptor, facts["diff_id"], folder / "layer.tar.gz", facts["unpacked"])
