"""What a build adds to the emitted files: chat templates, model artifacts, runtime, wheels."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stackc import resources
from stackc.cache import cache_dir
from stackc.diagnostics import build_errors
from stackc.diagnostics.report import CompileError
from stackc.external.wheels import installed_code
from stackc.faults import model_faults, write_faults
from stackc.models.compile import ModelOptions, compile_model, compiled
from stackc.models.decoders.chat_template import function_source, module_source
from stackc.models.sources.source import in_cache, materialise
from stackc.plan import Plan
from stackc.planned_models import PlannedModel
from stackc.progress import measured
from stackc.shake import reach
from stackc.stack import Stack
from stackc.wheels import DownloadError, NoWheelError, cached_wheels, wheels

Code = Mapping[str, bytes]
"""Files by their paths below the generated folder, as `emit` gives them."""


def chat_templates(plan: Plan, distribution: Path) -> str | None:
    """The text of `chat_templates.py`: each language model's template as a Python function."""
    functions = []
    for model in plan.models:
        if model.function:
            files = _files(model, distribution)
            with model_faults(distribution, model.place):
                functions.append(function_source(files, model.function))
    return module_source(functions) if functions else None


@dataclass(frozen=True)
class Context:
    """What the container context needs beside the committed files, by path.

    `code` is that of external providers; `linked` are the files to link, the `wheels` among them.
    """

    code: dict[str, bytes]
    linked: dict[str, Path]
    wheels: dict[str, Path]


def context(stack: Stack, plan: Plan, files: Code, cache: Path | None = None) -> Context:
    """The context of a plan; raises CompileError where something of it cannot be had.

    Compiled models are those of `cache`, or of the user's where there is none.
    """
    distribution = stack.spec.document.source.path
    with write_faults(plan.place):
        found = wheels_of(plan)
    linked = runtime(stack, files, found)
    linked |= models(plan, distribution, cache or cache_dir())
    linked |= {f"wheels/{name}": path for name, path in found.items()}
    return Context(external_code(stack), linked, found)


def external_code(stack: Stack) -> dict[str, bytes]:
    """The modules of external providers, by their paths in the context."""
    return {f"runtime/{path}": data for path, data in stack.external_code.items()}


def models(plan: Plan, distribution: Path, cache: Path) -> dict[str, Path]:
    """The files of the compiled models, by their paths in the context."""
    found: dict[str, Path] = {}
    for model in plan.models:
        found |= _within(model, _compiled(model, distribution, cache))
    return found


def runtime(stack: Stack, files: Code, found: Mapping[str, Path]) -> dict[str, Path]:
    """The modules of the runtime that a stack with these wheels reaches, by their paths there."""
    return _runtime({**files, **stack.external_code, **installed_code(stack, dict(found))})


def cached_context(stack: Stack, plan: Plan) -> Context | None:
    """The same without the runtime where the cache has all of it, else None: nothing is fetched."""
    distribution = stack.spec.document.source.path
    found = cached_wheels(plan.lock.packages)
    if found is None:
        return None
    linked = {f"wheels/{name}": path for name, path in found.items()}
    for model in plan.models:
        folder = _cached(model, distribution)
        if folder is None:
            return None
        linked |= _within(model, folder)
    return Context(external_code(stack), linked, found)


def _cached(model: PlannedModel, distribution: Path) -> Path | None:
    base, locked = distribution.resolve().parent, model.locked
    files = in_cache(locked.pinned_source, locked.files, base, cache_dir())
    artifact = compiled(files, _options(model), cache_dir()) if files else None
    return artifact.folder if artifact else None


def _within(model: PlannedModel, folder: Path) -> dict[str, Path]:
    return {f"models/{model.folder}/{path.name}": path for path in sorted(folder.iterdir())}


def runtime_of(stack: Stack, plan: Plan, files: Code) -> dict[str, Path]:
    """The modules of the runtime that a stack reaches, by their paths in the context.

    Wheels are only read, and fetched, where external classes are in them. Raises CompileError.
    """
    packaged = any(source.installed for source in stack.external)
    return runtime(stack, files, wheels_of(plan) if packaged else {})


def _runtime(code: Code) -> dict[str, Path]:
    root = resources.runtime()
    sources = {path: data for path, data in code.items() if path.endswith(".py")}
    return {f"runtime/{path}": root.parent / path for path in reach(sources, root).runtime}


def wheels_of(plan: Plan, machine: str | None = None) -> dict[str, Path]:
    """The wheels of the stack by file name, for a machine, by default this one."""
    try:
        return wheels(plan.lock.packages, machine)
    except NoWheelError as error:
        fault = build_errors.no_wheel(error.requirement, error.machine, plan.place)
        raise CompileError([fault]) from error
    except DownloadError as error:
        raise CompileError(
            [build_errors.fetch_failed(str(error), plan.place, error.lines)]
        ) from error


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
