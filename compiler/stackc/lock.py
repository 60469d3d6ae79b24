"""The lock of a distribution: every package and every model file, pinned by hash.

It stands beside the distribution (`starter.yaml`, `starter.lock`) and is JSON, so that it is read in
a moment and reviewed as a diff. It names no index, no host and no path of a machine.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

from stackc.diagnostics import build_errors
from stackc.diagnostics.report import CompileError, Diagnostic
from stackc.models.encoders.head import Figures, HeadData
from stackc.models.sources.source import LockedFile, ModelSource, parse_source
from stackc.source import Source, Span
from stackc.stack import External, Model, ModelType, Stack

VERSION = 3

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Package:
    """A pinned package: `requirement` is `name==version` with its marker.

    `via` names the packages that ask for it, sorted; what asks directly is in the lock's `requires`.
    `licence` is an SPDX expression, None where the package tells none.
    """

    requirement: str
    hashes: tuple[str, ...]
    via: tuple[str, ...] = ()
    licence: str | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.requirement.partition("==")[0]

    @property
    def version(self) -> str:
        """Its version, with its marker if it has one."""
        return self.requirement.partition("==")[2]


@dataclass(frozen=True)
class Loss:
    """What a quantisation costs, against the same weights in fp32, on a text that ships.

    Of a language model: `kl` is the mean Kullback-Leibler divergence of the next token in nats,
    and the perplexities are those of the text. Of an embedding model: `cosine` is the mean cosine
    of a sentence's two vectors. Three significant digits, as machines round differently.
    """

    kl: float | None = None
    perplexity: float | None = None
    reference_perplexity: float | None = None
    cosine: float | None = None

    def __post_init__(self) -> None:
        """Raises ValueError where neither the figures of the one kind nor of the other are there."""
        if self.cosine is None and None in (self.kl, self.perplexity, self.reference_perplexity):
            raise ValueError("a loss without its figures")


@dataclass(frozen=True)
class LockedHead:
    """A fitted head: its table, what it was told of it, what came out, and how good that is."""

    data: str
    about: HeadData
    files: tuple[LockedFile, ...]
    weights: tuple[float, ...] = ()
    bias: float = 0.0
    figures: Figures | None = None


@dataclass(frozen=True)
class LockedModel:
    """A pinned model: its files, the facts that its weights tell, and what was measured of it.

    `kv_heads` and `head_dim` are a language model's, and say how large its cache is. `commit` is
    that of the repository, where the source is one on a hub. `licence` is an SPDX expression, and
    `licence_by` who says so: the model's `file`, or the `package` or `repository` that it is from.
    """

    source: str
    quantization: str
    model_type: str
    architecture: str
    context_length: int
    embedding_dimension: int | None
    parameters: int
    layers: int
    hidden_size: int
    vocab_size: int
    kv_heads: int | None
    head_dim: int | None
    files: tuple[LockedFile, ...]
    loss: Loss | None = None
    head: LockedHead | None = None
    commit: str | None = None
    licence: str | None = None
    licence_by: str | None = None

    @property
    def pinned_source(self) -> ModelSource:
        """The source of exactly these files: of a repository on a hub, the commit."""
        return parse_source(self.source).at(self.commit)

    @property
    def key(self) -> "ModelKey":
        """What tells it apart from the other entries."""
        head = (self.head.data, self.head.about) if self.head else None
        return ModelKey(self.source, self.quantization, head)


@dataclass(frozen=True)
class ModelKey:
    """What an entry is made for: changing any of it makes the lock stale."""

    source: str
    quantization: str
    head: tuple[str, HeadData] | None

    @classmethod
    def of(cls, model: Model) -> "ModelKey":
        """The key of a declared model that has a source."""
        head = (str(model.head.data), model.head.about) if model.head else None
        return cls(str(model.source), model.quantization, head)

    def __str__(self) -> str:
        head = f" with a head on `{self.head[0]}`" if self.head else ""
        return f"`{self.source}` in {self.quantization}{head}"


@dataclass(frozen=True)
class LockedSource:
    """A pinned source of external providers: its catalog files, and the code that is used of it."""

    source: str
    files: tuple[LockedFile, ...]


@dataclass(frozen=True)
class Lock:
    """What a stack is made of. `requires` and `excludes` are what the packages were resolved from."""

    requires: tuple[str, ...]
    excludes: tuple[str, ...]
    packages: tuple[Package, ...]
    models: tuple[LockedModel, ...]
    external_providers: tuple[LockedSource, ...] = ()

    def model(self, model: Model) -> LockedModel:
        """The entry of a declared model that the lock is known to have."""
        key = ModelKey.of(model)
        return next(each for each in self.models if each.key == key)


def path_of(distribution: Path) -> Path:
    """Where the lock of a distribution stands."""
    return distribution.with_suffix(".lock")


def pinned(stack: Stack) -> Lock:
    """The lock that fits a stack; raises CompileError where it is missing or stale."""
    source = stack.spec.document.source
    lock = read(source)
    changes = tuple(_changes(stack, lock))
    if changes:
        raise CompileError([stale(source, changes)])
    return lock


def read(distribution: Source) -> Lock:
    """The lock of a distribution as it is; raises CompileError where it is missing or none."""
    path, place = path_of(distribution.path), Span.start_of(distribution)
    if not path.is_file():
        raise CompileError([build_errors.missing_lock(str(path), str(distribution.path), place)])
    try:
        return parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError):
        fault = build_errors.unreadable_lock(str(path), str(distribution.path), place)
        raise CompileError([fault]) from None


def stale(distribution: Source, changes: Sequence[str]) -> Diagnostic:
    """What is said of a lock that was made before these changes."""
    path, place = path_of(distribution.path), Span.start_of(distribution)
    return build_errors.stale_lock(str(path), str(distribution.path), changes, place)


def keys(stack: Stack) -> tuple[ModelKey, ...]:
    """The keys of the stack's models, sorted."""
    return tuple(sorted({ModelKey.of(model) for model in stack.models if model.source}, key=str))


def _changes(stack: Stack, lock: Lock) -> Iterator[str]:
    locked = tuple(model.key for model in lock.models)
    yield from _difference("package", _quoted(stack.packages.required), _quoted(lock.requires))
    yield from _difference("exclusion", _quoted(stack.packages.excluded), _quoted(lock.excludes))
    yield from _difference("model", keys(stack), locked)
    yield from _external_changes(stack.external, lock.external_providers)


def _external_changes(wanted: Sequence[External], locked: Sequence[LockedSource]) -> Iterator[str]:
    files = {each.source: each.files for each in locked}
    sources = tuple(each.source for each in wanted)
    yield from _difference("external providers", _quoted(sources), _quoted(tuple(files)))
    for each in wanted:
        yield from changed_files(each.source, each.files, files.get(each.source, each.files))


def changed_files(
    source: str, wanted: Sequence[LockedFile], locked: Sequence[LockedFile]
) -> Iterator[str]:
    """How the files of a source are others than the lock pins, a line each."""
    now, before = ({file.path: file.sha256 for file in files} for files in (wanted, locked))
    names = ([f"`{path}` of `{source}`" for path in each] for each in (now, before))
    yield from _difference("file", *names)
    for path in now:
        if path in before and now[path] != before[path]:
            yield f"changed since then: `{path}` of `{source}`"


def _difference(noun: str, wanted: Sequence[object], locked: Sequence[object]) -> Iterator[str]:
    yield from (f"not in the lock: the {noun} {name}" for name in wanted if name not in locked)
    yield from (f"only in the lock: the {noun} {name}" for name in locked if name not in wanted)


def _quoted(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"`{name}`" for name in names)


def dumps(lock: Lock) -> str:
    """The text of a lock: the same for the same lock."""
    data = {"lock": VERSION, **asdict(lock)}
    for each in (*data["packages"], *data["models"]):
        for key in ("commit", "licence", "licence_by"):
            if each.get(key, "") is None:
                del each[key]
    if not lock.external_providers:
        del data["external_providers"]
    return json.dumps(data, indent=2) + "\n"


def parse(text: str) -> Lock:
    """The lock of a text; raises ValueError, KeyError or TypeError where it is none."""
    data = _loads(text)
    if data["lock"] != VERSION:
        raise ValueError(f"lock version {data['lock']}")
    return Lock(
        requires=_texts(data["requires"]),
        excludes=_texts(data["excludes"]),
        packages=tuple(_package(package) for package in data["packages"]),
        models=tuple(_model(model) for model in data["models"]),
        external_providers=tuple(
            LockedSource(_is(str, each["source"]), _files(each["files"]))
            for each in _is(list, data.get("external_providers", []))
        ),
    )


def parse_packages(text: str) -> tuple[Package, ...]:
    """The packages of a lock of this or another version; raises as `parse`."""
    return tuple(_package(package) for package in _loads(text)["packages"])


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _package(data: dict[str, Any]) -> Package:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*==[^\s;]+( ; .+)?", data["requirement"]):
        raise ValueError(data["requirement"])
    via, licence = _texts(data.get("via", [])), _or_none(str, data.get("licence"))
    return Package(data["requirement"], _texts(data["hashes"]), via, licence)


def _model(data: dict[str, Any]) -> LockedModel:
    if data["model_type"] not in get_args(ModelType):
        raise ValueError(data["model_type"])
    return LockedModel(
        source=_is(str, data["source"]),
        quantization=_is(str, data["quantization"]),
        model_type=data["model_type"],
        architecture=_is(str, data["architecture"]),
        context_length=_is(int, data["context_length"]),
        embedding_dimension=_or_none(int, data["embedding_dimension"]),
        parameters=_is(int, data["parameters"]),
        layers=_is(int, data["layers"]),
        hidden_size=_is(int, data["hidden_size"]),
        vocab_size=_is(int, data["vocab_size"]),
        kv_heads=_or_none(int, data["kv_heads"]),
        head_dim=_or_none(int, data["head_dim"]),
        files=_files(data["files"]),
        loss=_loss(data["loss"]),
        head=_head(data["head"]),
        commit=_commit(data),
        licence=_or_none(str, data.get("licence")),
        licence_by=_or_none(str, data.get("licence_by")),
    )


def _commit(data: dict[str, Any]) -> str | None:
    if not data["source"].startswith("hf:"):
        return None
    if not re.fullmatch(r"[0-9a-f]{40}", data["commit"]):
        raise ValueError(data["commit"])
    return _is(str, data["commit"])


def _files(data: Any) -> tuple[LockedFile, ...]:
    return tuple(
        LockedFile(_is(str, file["path"]), _is(str, file["sha256"]), _is(int, file["size"]))
        for file in _is(list, data)
    )


def _loss(data: Any) -> Loss | None:
    if data is None:
        return None
    return Loss(**{key: _or_none(float, value) for key, value in _is(dict, data).items()})


def _head(data: Any) -> LockedHead | None:
    if data is None:
        return None
    about, figures = _is(dict, data["about"]), _is(dict, data["figures"])
    negative, positive = _texts(about["names"])
    return LockedHead(
        data=_is(str, data["data"]),
        about=HeadData(**{**about, "names": (negative, positive)}),
        files=_files(data["files"]),
        weights=tuple(_is(float, weight) for weight in _is(list, data["weights"])),
        bias=_is(float, data["bias"]),
        figures=Figures(**figures),
    )


def _texts(data: Any) -> tuple[str, ...]:
    return tuple(_is(str, each) for each in _is(list, data))


def _is(kind: type[Kind], value: Any) -> Kind:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _or_none(kind: type[Kind], value: Any) -> Kind | None:
    return None if value is None else _is(kind, value)
