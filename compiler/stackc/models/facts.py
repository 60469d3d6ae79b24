"""What the headers of a model's files tell about it, read without its weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stackc.models import bert, llama, tokenizer
from stackc.models.errors import UnsupportedError
from stackc.models.gguf import GgufFile
from stackc.models.safetensors import SafetensorsFile

Kind = Literal["decoder", "encoder"]

QUANTIZATIONS = ("int8", "fp32")
"""The number formats that every supported model can be compiled to, the default first."""


@dataclass(frozen=True)
class ModelFacts:
    """A model as its files describe it.

    ``context_length`` is in tokens: of a decoder, what it was trained for; of an encoder, the most
    that one input may have. ``embedding_dimension`` is None for a decoder.
    """

    kind: Kind
    architecture: str
    context_length: int
    embedding_dimension: int | None
    parameters: int
    quantizations: tuple[str, ...] = QUANTIZATIONS


def facts_of(files: Mapping[str, Path]) -> ModelFacts:
    """The facts of the model in ``files`` (path inside the model's folder to file).

    Raises:
        UnsupportedError: the files are no model, or one without a converter.
        CorruptFileError, MissingFileError: a file is damaged or not there.
    """
    if kind_of(files) == "decoder":
        return _decoder_facts(*gguf_of(files))
    return _encoder_facts(files)


def kind_of(files: Mapping[str, Path]) -> Kind:
    """Whether the files are a decoder (one GGUF file) or an encoder (a folder).

    Raises:
        UnsupportedError: they are neither.
    """
    if bert.CONFIG in files:
        return "encoder"
    if len(files) == 1:
        return "decoder"
    names = ", ".join(f"`{name}`" for name in sorted(files)) or "nothing"
    raise UnsupportedError(f"a model is one GGUF file or has `{bert.CONFIG}`; here is {names}")


def gguf_of(files: Mapping[str, Path]) -> tuple[str, Path]:
    """Name and place of a decoder's only file."""
    ((name, path),) = files.items()
    return name, path


def _decoder_facts(name: str, path: Path) -> ModelFacts:
    with GgufFile(path, name=name) as file:
        config = llama.read_config(file)
        tokenizer.check(file)
        return ModelFacts(
            kind="decoder",
            architecture=config.architecture,
            context_length=config.context_length,
            embedding_dimension=None,
            parameters=sum(tensor.elements for tensor in file.tensors.values()),
        )


def _encoder_facts(files: Mapping[str, Path]) -> ModelFacts:
    config = bert.read_config(files)
    with SafetensorsFile(bert.required(files, bert.WEIGHTS), name=bert.WEIGHTS) as file:
        tensors = bert.read_tensors(file, config)
        return ModelFacts(
            kind="encoder",
            architecture=config.architecture,
            context_length=config.max_tokens,
            embedding_dimension=config.hidden_size,
            parameters=sum(tensor.elements for tensor in tensors.values()),
        )
