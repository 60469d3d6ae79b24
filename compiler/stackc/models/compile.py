"""Compiles a model's files to the artifact that the embedded engine reads, once per content."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from stackc.models import facts
from stackc.models.encoders.head import Head
from stackc.models.errors import InvalidOptionError
from stackc.models.facts import Device, ModelFacts
from stackc.models.sources.blobs import Blobs, scratch

Progress = Callable[[int, int], None]
"""Takes the parts of the model that are converted, and how many there are."""


@dataclass(frozen=True)
class ModelOptions:
    """How to compile: a number format of ``facts.QUANTIZATIONS``, and for which device.

    ``context_length`` is the longest one of a decoder, in tokens; None is what it was trained for. A
    ``head`` makes a classifier of a sentence encoder. On ``cuda`` a decoder computes in float16;
    encoders compute in float32 everywhere, small as they are.
    """

    quantization: str = "int8"
    context_length: int | None = None
    head: Head | None = None
    device: Device = "cpu"


@dataclass(frozen=True)
class CompiledModel:
    """A finished artifact: a folder with ``model.onnx``, its data, and two JSON files."""

    folder: Path


def compile_model(
    name: str,
    files: Mapping[str, Path],
    options: ModelOptions,
    cache: Path,
    progress: Progress,
) -> CompiledModel:
    """Compiles ``files`` (path inside the model's folder to file), once per content and options.

    The same content and options give the same bytes. A result appears whole or not at all.

    Raises:
        ModelError: the model cannot be compiled with these options; ``name`` is in the message of
            those that the options cause.
        WriteError: the cache cannot be written, for example because the disk is full.
    """
    folder = cache / "models" / _key(files, options, Blobs(cache))
    if not folder.is_dir():
        known = facts.facts_of(files)
        _check_options(name, known, options)
        with scratch(cache) as work:
            _write(files, known, options, work, progress)
            _publish(work, folder)
    return CompiledModel(folder)


def compiled(files: Mapping[str, Path], options: ModelOptions, cache: Path) -> CompiledModel | None:
    """The artifact of these files and options where the cache has it, else None."""
    folder = cache / "models" / _key(files, options, Blobs(cache))
    return CompiledModel(folder) if folder.is_dir() else None


def _key(files: Mapping[str, Path], options: ModelOptions, blobs: Blobs) -> str:
    """Names a result by all that it depends on: the converter, the options and the content."""
    content = {path: blobs.sha256(files[path]) for path in sorted(files)}
    parts = [_converter(), asdict(options), content]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _converter() -> str:
    """The hash of this package's sources: results of other versions are not found."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _check_options(name: str, known: ModelFacts, options: ModelOptions) -> None:
    if options.quantization not in known.quantizations:
        choices = ", ".join(known.quantizations)
        detail = f"`{options.quantization}` is not one of {choices}"
        raise InvalidOptionError(name, "quantization", detail)
    if known.kind == "decoder" and (options.quantization, options.device) == ("fp32", "cuda"):
        detail = "on cuda a language model computes in float16: `fp32` is `fp16` there"
        raise InvalidOptionError(name, "quantization", detail)
    if options.head is not None and known.kind != "encoder":
        raise InvalidOptionError(name, "head", "only a sentence encoder can have one")
    length = options.context_length
    if length is None:
        return
    if known.kind != "decoder":
        raise InvalidOptionError(name, "context_length", "only a language model has one")
    if not 0 < length <= known.context_length:
        detail = f"{length} is not between 1 and the trained length {known.context_length}"
        raise InvalidOptionError(name, "context_length", detail)


def _write(
    files: Mapping[str, Path],
    known: ModelFacts,
    options: ModelOptions,
    folder: Path,
    progress: Progress,
) -> None:
    # Here, because numpy and onnx take longer to import than a cached result takes to find.
    from stackc.models import artifact

    if known.kind != "decoder":
        artifact.write_encoder(files, options.quantization, folder, progress, head=options.head)
    else:
        context_length = options.context_length or known.context_length
        artifact.write_decoder(
            files, options.quantization, options.device, context_length, folder, progress
        )


def _publish(work: Path, folder: Path) -> None:
    work.chmod(0o755)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        work.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process was faster, with the same bytes
            raise
