"""What a build adds to the emitted files: chat templates, model artifacts, runtime, wheels."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from stackc import resources
from stackc.cache import cache_dir
from stackc.diagnostics import errors
from stackc.diagnostics.report import CompileError
from stackc.emit import Files
from stackc.faults import model_faults, write_faults
from stackc.models.compile import ModelOptions, compile_model
from stackc.models.decoders.chat_template import function_source, module_source
from stackc.models.sources.source import materialise
from stackc.plan import Plan
from stackc.planned_models import PlannedModel
from stackc.progress import measured
from stackc.shake import reach
from stackc.wheels import DownloadError, NoWheelError, wheels


def chat_templates(plan: Plan, distribution: Path) -> str | None:
    """The text of `chat_templates.py`: each language model's template as a Python function."""
    functions = []
    for model in plan.models:
        if model.function:
            files = _files(model, distribution)
            with model_faults(distribution, model.place):
                functions.append(function_source(files, model.function))
    return module_source(functions) if functions else None


def context(plan: Plan, distribution: Path, files: Files) -> Mapping[str, Path]:
    """What the container context needs beside the committed files: path -> the file to link."""
    linked = {**dict(runtime(plan, files)), **dict(models(plan, distribution))}
    with write_faults(plan.place):
        linked |= {f"wheels/{name}": path for name, path in wheels_of(plan).items()}
    return linked


def models(plan: Plan, distribution: Path) -> Iterator[tuple[str, Path]]:
    """The files of the compiled models, and where each of them belongs."""
    for model in plan.models:
        for path in sorted(_compiled(model, distribution).iterdir()):
            yield f"models/{model.folder}/{path.name}", path


def runtime(plan: Plan, files: Files) -> Iterator[tuple[str, Path]]:
    """The modules of the runtime that the package reaches, and where each of them belongs."""
    root = resources.runtime()
    sources = {path: data for path, data in files.items() if path.startswith(f"{plan.package}/")}
    for path in reach(sources, root).runtime:
        yield f"runtime/{path}", root.parent / path


def wheels_of(plan: Plan, machine: str | None = None) -> dict[str, Path]:
    """The wheels of the stack by file name, for a machine, by default this one."""
    try:
        return wheels(plan.lock.packages, machine)
    except NoWheelError as error:
        fault = errors.no_wheel(error.requirement, error.machine, plan.place)
        raise CompileError([fault]) from error
    except DownloadError as error:
        raise CompileError([errors.fetch_failed(str(error), plan.place, error.lines)]) from error


def _files(model: PlannedModel, distribution: Path) -> dict[str, Path]:
    with model_faults(distribution, model.place), measured(model.locked.source) as report:
        base, locked = distribution.resolve().parent, model.locked
        return materialise(locked.pinned_source, locked.files, base, cache_dir(), report)


def _compiled(model: PlannedModel, distribution: Path) -> Path:
    files = _files(model, distribution)
    quantization, length = model.locked.quantization, model.context_length
    options = ModelOptions(quantization, length, model.head, model.device)
    with model_faults(distribution, model.place), measured(f"compile {model.folder}") as report:
        return compile_model(model.folder, files, options, cache_dir(), report).folder
