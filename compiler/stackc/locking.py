"""`stackc lock`: resolving packages and model files into the lock of a distribution."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TypeVar

from stackc import lock, requirements, virtualenv
from stackc.cache import cache_dir
from stackc.catalog import Packages
from stackc.contradictions import contradictions
from stackc.diagnostics import build_errors
from stackc.diagnostics.report import CompileError, Diagnostic, stop_at_errors
from stackc.faults import model_faults, write_faults
from stackc.lock import Lock, LockedHead, LockedModel, LockedSource, ModelKey, Package
from stackc.measuring import Measurement
from stackc.models.errors import InvalidOptionError, UnsupportedError
from stackc.models.facts import Kind, ModelFacts, facts_of
from stackc.models.sources.source import (
    LockedFile,
    ModelSource,
    commit_of,
    lock_source,
    materialise,
)
from stackc.progress import measured, task
from stackc.source import Span
from stackc.stack import DeclaredHead, Model, ModelType, Stack
from stackc.supply.metadata import MetadataError, licensed
from stackc.supply.model_licences import licence_of_model

MODEL_TYPES: dict[Kind, ModelType] = {
    "decoder": "llm",
    "encoder": "embedding",
    "reranker": "rerank",
    "classifier": "classifier",
}
"""What a model is called in a distribution, by what its files are."""

Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Fetched:
    """The files of a source: their pins, where they are, and the commit if it is on a hub."""

    commit: str | None
    files: tuple[LockedFile, ...]
    paths: dict[str, Path]


Fetch = Callable[[ModelSource], Fetched]
"""Gives the files of a source: for one lock always the same, even if a branch moves meanwhile."""


def write_lock(stack: Stack, *, upgrade: bool) -> Path:
    """Makes the lock anew and writes it; raises CompileError where something cannot be pinned."""
    distribution = stack.spec.document.source.path
    place = Span.start_of(stack.spec.document.source)
    path = lock.path_of(distribution)
    models = _declared(stack)
    fetch = cache(lambda source: _fetched(source, distribution))
    pins = _each(models, lambda model: _pinned_model(model, distribution, fetch))
    external = tuple(LockedSource(each.source, each.files) for each in stack.external)
    made = Lock(stack.packages.required, stack.packages.excluded, (), tuple(pins), external)
    stop_at_errors(list(contradictions(stack, made)))
    old = _pinned(path)
    packages = _packages(stack.packages, () if upgrade else old, place)
    made = replace(made, packages=_licensed(packages, old, place))
    made = replace(made, models=_measured(stack, models, made))
    with write_faults(place):
        path.write_text(lock.dumps(made), encoding="utf-8")
    return path


def _declared(stack: Stack) -> list[Model]:
    """A declared model for each entry of the lock, in its order."""
    by_key = {ModelKey.of(model): model for model in reversed(stack.models) if model.source}
    return [by_key[key] for key in lock.keys(stack)]


def _each(items: Iterable[Given], make: Callable[[Given], Made]) -> list[Made]:
    """What is made of each; raises CompileError with all that is wrong."""
    made: list[Made] = []
    faults: list[Diagnostic] = []
    for item in items:
        try:
            made.append(make(item))
        except CompileError as error:
            faults += error.diagnostics
    stop_at_errors(faults)
    return made


def _packages(packages: Packages, pinned: tuple[Package, ...], place: Span) -> tuple[Package, ...]:
    try:
        with task("packages"):
            return requirements.resolve(packages.required, packages.excluded, pinned)
    except requirements.ResolutionError as error:
        raise CompileError([build_errors.lock_failed(str(error), error.lines, place)]) from error


def _licensed(
    packages: tuple[Package, ...], known: tuple[Package, ...], place: Span
) -> tuple[Package, ...]:
    try:
        return licensed(packages, known)
    except MetadataError as error:
        raise CompileError([build_errors.lock_failed(str(error), error.lines, place)]) from error


def _pinned(path: Path) -> tuple[Package, ...]:
    """The pins of the lock that is there, which stay where they still fit."""
    try:
        return lock.parse_packages(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def _pinned_model(model: Model, distribution: Path, fetch: Fetch) -> LockedModel:
    assert model.source is not None
    with model_faults(distribution, model.spec.span("source")):
        fetched = fetch(model.source)
        facts = facts_of(fetched.paths)
        licence, by = licence_of_model(model.source.at(fetched.commit), fetched.paths)
        entry = replace(
            _entry(model, facts, fetched.files),
            commit=fetched.commit,
            licence=licence,
            licence_by=by,
        )
    if model.head is None:
        return entry
    with model_faults(distribution, model.spec.span("head")):
        if facts.kind != "encoder":
            detail = "only a sentence encoder can have one"
            raise InvalidOptionError(model.spec.id.text, "head", detail)
    with model_faults(distribution, model.spec.span("head.data")):
        head = _pinned_head(model.head, fetch)
    return replace(entry, model_type="classifier", embedding_dimension=None, head=head)


def _entry(model: Model, facts: ModelFacts, files: tuple[LockedFile, ...]) -> LockedModel:
    return LockedModel(
        source=str(model.source),
        quantization=model.quantization,
        model_type=MODEL_TYPES[facts.kind],
        architecture=facts.architecture,
        context_length=facts.context_length,
        embedding_dimension=facts.embedding_dimension,
        parameters=facts.parameters,
        layers=facts.layers,
        hidden_size=facts.hidden_size,
        vocab_size=facts.vocab_size,
        kv_heads=facts.kv_heads,
        head_dim=facts.head_dim,
        files=files,
    )


def _pinned_head(head: DeclaredHead, fetch: Fetch) -> LockedHead:
    files = fetch(head.data).files
    if len(files) != 1:
        raise UnsupportedError(f"`{head.data}` is a folder, and a head is fitted to one CSV file")
    return LockedHead(str(head.data), head.about, files)


def _fetched(source: ModelSource, distribution: Path) -> Fetched:
    with measured(str(source)) as report:
        commit = commit_of(source)
        pinned = source.at(commit)
        files = lock_source(pinned, distribution.resolve().parent, cache_dir(), report)
    return Fetched(commit, files, _located(pinned, files, distribution))


def _located(
    source: ModelSource, files: tuple[LockedFile, ...], distribution: Path
) -> dict[str, Path]:
    with measured(str(source)) as report:
        return materialise(source, files, distribution.resolve().parent, cache_dir(), report)


def _measured(stack: Stack, models: list[Model], made: Lock) -> tuple[LockedModel, ...]:
    """The entries of the models with what is measured and fitted."""
    distribution = stack.spec.document.source.path
    place = Span.start_of(stack.spec.document.source)

    @cache
    def python() -> Path:
        packages = made.packages
        if stack.measuring_packages != stack.packages:
            packages = _packages(stack.measuring_packages, packages, place)
        return virtualenv.python_of(packages)

    def measure(model: Model) -> LockedModel:
        assert model.source is not None
        entry = made.model(model)
        with model_faults(distribution, model.spec.span("source")):
            files = _located(entry.pinned_source, entry.files, distribution)
            todo = Measurement(model.spec.id.text, files, model.context_length, python)
            entry = todo.with_loss(entry)
        if model.head is None or entry.head is None:
            return entry
        with model_faults(distribution, model.spec.span("head.data")):
            (table,) = _located(model.head.data, entry.head.files, distribution).values()
            return todo.with_head(entry, table)

    try:
        return tuple(_each(models, measure))
    except virtualenv.InstallError as error:
        raise CompileError(
            [build_errors.environment_failed(str(error), error.lines, place)]
        ) from error
