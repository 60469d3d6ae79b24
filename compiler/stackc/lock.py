"""The lock of a distribution: every package and every model file, pinned by hash.

It stands beside the distribution (`starter.yaml`, `starter.lock`) and is JSON, so that it is read in
a moment and reviewed as a diff. It names no index, no host and no path of a machine.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from stackc.diagnostics import errors
from stackc.diagnostics.report import CompileError, Diagnostic, raise_any
from stackc.models.source import LockedFile
from stackc.resolve import Model, Stack
from stackc.source import Span

VERSION = 1

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Package:
    """A pinned package: `requirement` is `name==version` with its marker."""

    requirement: str
    hashes: tuple[str, ...]


@dataclass(frozen=True)
class LockedModel:
    """A pinned model: its files, and the facts that its weights tell about it."""

    source: str
    model_type: str
    architecture: str
    context_length: int
    embedding_dimension: int | None
    files: tuple[LockedFile, ...]


@dataclass(frozen=True)
class Lock:
    """What a stack is made of. `requires` and `excludes` are what the packages were resolved from."""

    requires: tuple[str, ...]
    excludes: tuple[str, ...]
    packages: tuple[Package, ...]
    models: tuple[LockedModel, ...]

    def model(self, source: str) -> LockedModel:
        """The pinned model of a source that the lock is known to have."""
        return next(model for model in self.models if model.source == source)


def path_of(distribution: Path) -> Path:
    """Where the lock of a distribution stands."""
    return distribution.with_suffix(".lock")


def pinned(stack: Stack) -> Lock:
    """The lock that fits a stack; raises CompileError where it is missing, stale or contradicts."""
    distribution = stack.spec.document.source.path
    path = path_of(distribution)
    place = Span.start_of(stack.spec.document.source)
    if not path.is_file():
        raise CompileError([errors.missing_lock(str(path), str(distribution), place)])
    try:
        lock = parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError):
        fault = errors.unreadable_lock(str(path), str(distribution), place)
        raise CompileError([fault]) from None
    changes = tuple(_changes(stack, lock))
    if changes:
        raise CompileError([errors.stale_lock(str(path), str(distribution), changes, place)])
    raise_any([fault for model in stack.models for fault in contradictions(model, lock)])
    return lock


def contradictions(model: Model, lock: Lock) -> Iterator[Diagnostic]:
    """Where a model's declaration is not what its weights are."""
    if model.source is None:
        return
    facts, spec = lock.model(str(model.source)), model.spec
    if model.type not in (None, facts.model_type):
        place = spec.span("model_type")
        yield errors.model_type_mismatch(spec.id.text, str(model.type), facts.model_type, place)
    declared = model.metadata.get("embedding_dimension")
    real = facts.embedding_dimension
    if isinstance(declared, int) and real is not None and declared != real:
        place = spec.span("embedding_dimension")
        yield errors.dimension_mismatch(spec.id.text, declared, real, place)
    asked, place = model.context_length, spec.span("context_length")
    if asked is not None and facts.model_type != "llm":
        yield errors.context_of_embedding(spec.id.text, place)
    elif asked is not None and asked > facts.context_length:
        yield errors.context_too_long(spec.id.text, asked, facts.context_length, place)


def sources(stack: Stack) -> tuple[str, ...]:
    """The sources of the stack's models, sorted."""
    return tuple(sorted({str(model.source) for model in stack.models if model.source}))


def _changes(stack: Stack, lock: Lock) -> Iterator[str]:
    yield from _difference("package", stack.packages, lock.requires)
    yield from _difference("exclusion", stack.excluded_packages, lock.excludes)
    yield from _difference("model", sources(stack), [model.source for model in lock.models])


def _difference(noun: str, wanted: tuple[str, ...], locked: Any) -> Iterator[str]:
    yield from (f"not in the lock: the {noun} `{name}`" for name in wanted if name not in locked)
    yield from (f"only in the lock: the {noun} `{name}`" for name in locked if name not in wanted)


def dumps(lock: Lock) -> str:
    """The text of a lock: the same for the same lock."""
    return json.dumps({"lock": VERSION, **asdict(lock)}, indent=2) + "\n"


def parse(text: str) -> Lock:
    """The lock of a text; raises ValueError, KeyError or TypeError where it is none."""
    try:
        data = json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if data["lock"] != VERSION:
        raise ValueError(f"lock version {data['lock']}")
    return Lock(
        requires=_texts(data["requires"]),
        excludes=_texts(data["excludes"]),
        packages=tuple(_package(package) for package in data["packages"]),
        models=tuple(_model(model) for model in data["models"]),
    )


def _package(data: dict[str, Any]) -> Package:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*==[^\s;]+( ; .+)?", data["requirement"]):
        raise ValueError(data["requirement"])
    return Package(data["requirement"], _texts(data["hashes"]))


def _model(data: dict[str, Any]) -> LockedModel:
    dimension = data["embedding_dimension"]
    if data["model_type"] not in ("llm", "embedding"):
        raise ValueError(data["model_type"])
    return LockedModel(
        source=_is(str, data["source"]),
        model_type=data["model_type"],
        architecture=_is(str, data["architecture"]),
        context_length=_is(int, data["context_length"]),
        embedding_dimension=None if dimension is None else _is(int, dimension),
        files=tuple(
            LockedFile(_is(str, file["path"]), _is(str, file["sha256"]), _is(int, file["size"]))
            for file in data["files"]
        ),
    )


def _texts(data: Any) -> tuple[str, ...]:
    return tuple(_is(str, each) for each in _is(list, data))


def _is(kind: type[Kind], value: Any) -> Kind:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value
