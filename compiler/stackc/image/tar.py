"""Tar files whose bytes follow from names, modes and contents alone."""

import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from stackc.progress import Report


@dataclass(frozen=True)
class Entry:
    """A file of a layer: its path without a leading `/`, and what is in it."""

    path: str
    data: bytes | Path
    executable: bool = False

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return len(self.data) if isinstance(self.data, bytes) else self.data.stat().st_size


def write(entries: Iterable[Entry], target: BinaryIO, report: Report) -> int:
    """Writes the entries and the folders above them, sorted; returns the bytes of all files."""
    files = sorted(entries, key=lambda entry: entry.path)
    whole, done = sum(entry.size for entry in files), 0
    folders: set[str] = set()
    with tarfile.TarFile(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry in files:
            for folder in _new_folders(entry.path, folders):
                tar.addfile(_header(folder, tarfile.DIRTYPE, 0, 0o755))
            _add(tar, entry)
            done += entry.size
            report(done, whole)
    return whole


def _new_folders(path: str, known: set[str]) -> Iterator[str]:
    """The folders above a path that were not there yet, the outermost first."""
    for folder in reversed(PurePosixPath(path).parents[:-1]):
        if str(folder) not in known:
            known.add(str(folder))
            yield str(folder)


def _add(tar: tarfile.TarFile, entry: Entry) -> None:
    mode = 0o755 if entry.executable else 0o644
    header = _header(entry.path, tarfile.REGTYPE, entry.size, mode)
    if isinstance(entry.data, bytes):
        tar.addfile(header, BytesIO(entry.data))
        return
    with entry.data.open("rb") as source:
        tar.addfile(header, source)


def _header(path: str, kind: bytes, size: int, mode: int) -> tarfile.TarInfo:
    """A header without time, and owned by root, as `TarInfo` has it from the start."""
    header = tarfile.TarInfo(path)
    header.type, header.size, header.mode = kind, size, mode
    return header
