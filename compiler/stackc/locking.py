"""`stackc lock`: resolving packages and model files into the lock of a distribution."""

from dataclasses import replace
from pathlib import Path

from stackc import lock, requirements
from stackc.cache import cache_dir
from stackc.diagnostics import errors
from stackc.diagnostics.report import CompileError, Diagnostic, raise_any
from stackc.faults import model_faults, write_faults
from stackc.lock import Lock, LockedModel, Package
from stackc.models.facts import facts_of
from stackc.models.source import lock_source, materialise
from stackc.progress import measured, task
from stackc.resolve import Model, Stack
from stackc.source import Span


def write_lock(stack: Stack, *, upgrade: bool) -> Path:
    """Makes the lock anew and writes it; raises CompileError where something cannot be pinned."""
    distribution = stack.spec.document.source.path
    place = Span.start_of(stack.spec.document.source)
    path = lock.path_of(distribution)
    made = Lock(stack.packages, stack.excluded_packages, (), _models(stack, distribution))
    raise_any([each for model in stack.models for each in lock.contradictions(model, made)])
    made = replace(made, packages=_packages(stack, () if upgrade else _pinned(path), place))
    with write_faults(place):
        path.write_text(lock.dumps(made), encoding="utf-8")
    return path


def _packages(stack: Stack, pinned: tuple[Package, ...], place: Span) -> tuple[Package, ...]:
    try:
        with task("packages"):
            return requirements.resolve(stack.packages, stack.excluded_packages, pinned)
    except requirements.ResolutionError as error:
        raise CompileError([errors.lock_failed(str(error), error.lines, place)]) from error


def _pinned(path: Path) -> tuple[Package, ...]:
    """The pins of the lock that is there, which stay where they still fit."""
    try:
        return lock.parse(path.read_text(encoding="utf-8")).packages
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def _models(stack: Stack, distribution: Path) -> tuple[LockedModel, ...]:
    """The pins of every model, sorted by source; raises CompileError with all that is wrong."""
    by_source = {str(model.source): model for model in reversed(stack.models) if model.source}
    locked: list[LockedModel] = []
    faults: list[Diagnostic] = []
    for source in lock.sources(stack):
        try:
            locked.append(_locked(by_source[source], distribution))
        except CompileError as error:
            faults += error.diagnostics
    raise_any(faults)
    return tuple(locked)


def _locked(model: Model, distribution: Path) -> LockedModel:
    assert model.source is not None
    base, cache = distribution.resolve().parent, cache_dir()
    place = model.spec.span("source")
    with model_faults(distribution, place), measured(str(model.source)) as report:
        files = lock_source(model.source, base, cache, report)
        facts = facts_of(materialise(model.source, files, base, cache, report))
    return LockedModel(
        source=str(model.source),
        model_type="llm" if facts.kind == "decoder" else "embedding",
        architecture=facts.architecture,
        context_length=facts.context_length,
        embedding_dimension=facts.embedding_dimension,
        files=files,
    )
