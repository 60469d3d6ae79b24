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
from stackc.wheels import DownloadError, wheels


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
    distribution = stack.spec.document.source.path
    with write_faults(plan.place):
        found = _wheels(plan)
    code = stack.external_code
    running = {**files, **code, **installed_code(stack, found)}
    linked = {f"runtime/{path}": source for path, source in _runtime(running)}
    for model in plan.models:
        for path in sorted(_compiled(model, distribution).iterdir()):
            linked[f"models/{model.folder}/{path.name}"] = path
    linked |= {f"wheels/{name}": path for name, path in found.items()}
    return Context({f"runtime/{path}": data for path, data in code.items()}, linked, found)


def _runtime(code: Files) -> Iterator[tuple[str, Path]]:
    root = resources.runtime()
    sources = {path: data for path, data in code.items() if path.endswith(".py")}
    for path in reach(sources, root).runtime:
        yield path, root.parent / path


def _wheels(plan: Plan) -> dict[str, Path]:
    try:
        return wheels(plan.lock.packages)
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
