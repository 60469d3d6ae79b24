"""Wheels unpacked as an installer does, without what only a shell would use."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from installer import install
from installer.destinations import WheelDestination
from installer.records import Hash, RecordEntry
from installer.sources import WheelFile
from installer.utils import construct_record_file, copyfileobj_with_hashing

from stackc.image.tar import Entry

if TYPE_CHECKING:
    from installer.utils import Scheme


class _Unpacked(WheelDestination):
    """Puts the modules of a wheel under one folder; scripts and headers are left out.

    A script names an interpreter, which the image does not know, and a server compiles nothing.
    """

    def __init__(self, site_packages: Path, prefix: Path) -> None:
        self._folders = {"purelib": site_packages, "platlib": site_packages, "data": prefix}
        self._site_packages = site_packages

    def write_script(self, name: str, module: str, attr: str, section: Any) -> RecordEntry:
        """Does nothing; the entry is dropped at the end."""
        return RecordEntry(name, None, None)

    def write_file(
        self, scheme: "Scheme", path: Any, stream: BinaryIO, is_executable: bool
    ) -> RecordEntry:
        """Writes a file where its scheme has one."""
        if scheme not in self._folders:
            return RecordEntry(str(path), None, None)
        target = _inside(self._folders[scheme], str(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            digest, size = copyfileobj_with_hashing(stream, file, "sha256")
        target.chmod(0o755 if is_executable else 0o644)
        return RecordEntry(str(path), Hash("sha256", digest), size)

    def finalize_installation(
        self,
        scheme: "Scheme",
        record_file_path: Any,
        records: Iterable[tuple["Scheme", RecordEntry]],
    ) -> None:
        """Writes RECORD with what is there."""
        there = [(scheme, entry) for scheme, entry in records if scheme in self._folders]
        with construct_record_file(there, self._prefix_of) as stream:
            _inside(self._site_packages, str(record_file_path)).write_bytes(stream.read())

    def _prefix_of(self, scheme: "Scheme") -> str | None:
        """From site-packages to the folder of a scheme."""
        return "../../../" if scheme == "data" else None


def unpack(wheels: Mapping[str, Path], root: Path, site_packages: str) -> tuple[Entry, ...]:
    """Unpacks wheels below `root`; returns what is there, by its path below the root."""
    modules = root / site_packages.lstrip("/")
    for name in sorted(wheels):
        with WheelFile.open(wheels[name]) as source:
            install(source, _Unpacked(modules, modules.parents[2]), {})
    return tuple(_entries(root))


def _entries(root: Path) -> Iterator[Entry]:
    for path in root.rglob("*"):
        if path.is_file():
            executable = bool(path.stat().st_mode & 0o100)
            yield Entry(path.relative_to(root).as_posix(), path, executable)


def _inside(folder: Path, path: str) -> Path:
    """The path below a folder; a wheel that reaches out of it is none."""
    target = folder / path
    if not target.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"`{path}` is outside of the wheel")
    return target
