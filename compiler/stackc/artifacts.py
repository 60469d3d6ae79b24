"""What a build adds to the emitted files: chat templates, model artifacts, runtime, wheels."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from stackc import resources
from stackc.cache import cache_dir
from stackc.diagnostics import errors
from stackc.diagnostics.report import CompileError
from stackc.faults import model_faults, write_faults
from stackc.models.compile import ModelOptions, compile_model, compiled
from stackc.models.decoders.chat_template import function_source, module_source
from stackc.models.sources.source import in_cache, materialise
from stackc.plan import Plan
from stackc.planned_models import PlannedModel
from stackc.progress import measured
from stackc.shake import reach
from stackc.wheels import DownloadError, cached_wheels, wheels


def chat_templates(plan: Plan, distribution: Path) -> str | None:
    """The text of `chat_templates.py`: each language model's template as a Python function."""
    functions = []
    for model in plan.models:
        if model.function:
            files = _files(model, distribution)
            with model_faults(distribution, model.place):
                functions.append(function_source(files, model.function))
    return module_source(functions) if functions else None


def context(
    plan: Plan, distribution: Path, files: Mapping[str, bytes], cache: Path | None = None
) -> Mapping[str, Path]:
    """What the container context needs beside the committed files: path -> the file to link.

    Compiled models are those of `cache`, or of the user's where there is none.
    """
    linked = dict(runtime_files(plan, files))
    for model in plan.models:
        linked |= _within(model, _compiled(model, distribution, cache or cache_dir()))
    with write_faults(plan.place):
        linked |= {f"wheels/{name}": path for name, path in _wheels(plan).items()}
    return linked


def cached_context(plan: Plan, distribution: Path) -> Mapping[str, Path] | None:
    """The models and wheels of the context where all are in the cache, else None."""
    found = cached_wheels(plan.lock.packages)
    if found is None:
        return None
    linked = {f"wheels/{name}": path for name, path in found.items()}
    for model in plan.models:
        folder = _cached(model, distribution)
        if folder is None:
            return None
        linked |= _within(model, folder)
    return linked


def _cached(model: PlannedModel, distribution: Path) -> Path | None:
    base, locked = distribution.resolve().parent, model.locked
    files = in_cache(locked.pinned_source, locked.files, base, cache_dir())
    artifact = compiled(files, _options(model), cache_dir()) if files else None
    return artifact.folder if artifact else None


def _within(model: PlannedModel, folder: Path) -> dict[str, Path]:
    return {f"models/{model.folder}/{path.name}": path for path in sorted(folder.iterdir())}


def runtime_files(plan: Plan, files: Mapping[str, bytes]) -> Iterator[tuple[str, Path]]:
    """The modules of the runtime that the package reaches, by their paths in the context."""
    root = resources.runtime()
    sources = {path: data for path, data in files.items() if path.startswith(f"{plan.package}/")}
    for path in reach(sources, root).runtime:
        yield f"runtime/{path}", root.parent / path


def _wheels(plan: Plan) -> dict[str, Path]:
    try:
        return wheels(plan.lock.packages)
    except DownloadError as error:
        raise CompileError([errors.fetch_failed(str(error), plan.place, error.lines)]) from error


def _files(model: PlannedModel, distribution: Path) -> dict[str, Path]:
    with model_faults(distribution, model.place), measured(model.locked.source) as report:
        base, locked = distribution.resolve().parent, model.locked
        return materialise(locked.pinned_source, locked.files, base, cache_dir(), report)


def _compiled(model: PlannedModel, distribution: Path, cache: Path) -> Path:
    files, options = _files(model, distribution), _options(model)
    with model_faults(distribution, model.place), measured(f"compile {model.folder}") as report:
        return compile_model(model.folder, files, options, cache, report).folder


def _options(model: PlannedModel) -> ModelOptions:
    quantization, length = model.locked.quantization, model.context_length
    return ModelOptions(quantization, length, model.head, model.device)
