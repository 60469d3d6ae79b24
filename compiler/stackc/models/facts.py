"""What the headers of a model's files tell about it, read without its weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stackc.models.decoders import safetensors_decoder
from stackc.models.decoders.decoder_source import open_decoder
from stackc.models.encoders import bert
from stackc.models.errors import UnsupportedError
from stackc.models.formats.entries import required
from stackc.models.formats.safetensors import SafetensorsFile

Kind = Literal["decoder"] | bert.EncoderKind

Device = Literal["cpu", "cuda"]

QUANTIZATIONS = ("int8", "fp32", "fp16", "int4")
"""The number formats that models can be compiled to, the default first."""

ENCODER_QUANTIZATIONS = ("int8", "fp32", "fp16")
"""Those of encoders, in whose vectors four bits leave too little."""


@dataclass(frozen=True)
class ModelFacts:
    """A model as its files describe it.

    ``context_length`` is in tokens: of a decoder, what it was trained for; of an encoder, the most
    that one input may have. ``embedding_dimension`` is None for what gives no vectors. ``kv_heads``
    and ``head_dim`` are sizes of a decoder's cache of keys and values.
    """

    kind: Kind
    architecture: str
    context_length: int
    embedding_dimension: int | None
    parameters: int
    layers: int
    hidden_size: int
    vocab_size: int
    kv_heads: int | None = None
    head_dim: int | None = None
    quantizations: tuple[str, ...] = QUANTIZATIONS


def facts_of(files: Mapping[str, Path]) -> ModelFacts:
    """The facts of the model in ``files`` (path inside the model's folder to file).

    Raises:
        UnsupportedError: the files are no model, or one without a converter.
        CorruptFileError, MissingFileError: a file is damaged or not there.
    """
    if kind_of(files) == "decoder":
        return _decoder_facts(files)
    return _encoder_facts(files)


def kind_of(files: Mapping[str, Path]) -> Kind:
    """Whether the files are a decoder (a GGUF file or a folder) or some kind of encoder.

    Raises:
        UnsupportedError: they are neither.
    """
    if bert.CONFIG in files:
        if safetensors_decoder.is_decoder(files):
            return "decoder"
        return bert.read_config(files).kind
    if len(files) == 1:
        return "decoder"
    names = ", ".join(f"`{name}`" for name in sorted(files)) or "nothing"
    raise UnsupportedError(f"a model is one GGUF file or has `{bert.CONFIG}`; here is {names}")


def _decoder_facts(files: Mapping[str, Path]) -> ModelFacts:
    with open_decoder(files) as source:
        config = source.config
        return ModelFacts(
            kind="decoder",
            architecture=config.architecture,
            context_length=config.context_length,
            embedding_dimension=None,
            parameters=source.parameters,
            layers=config.layers,
            hidden_size=config.hidden_size,
            vocab_size=config.vocab_size,
            kv_heads=config.kv_heads,
            head_dim=config.head_dim,
        )


def _encoder_facts(files: Mapping[str, Path]) -> ModelFacts:
    config = bert.read_config(files)
    with SafetensorsFile(required(files, bert.WEIGHTS), name=bert.WEIGHTS) as file:
        tensors = bert.read_tensors(file, config)
        return ModelFacts(
            kind=config.kind,
            architecture=config.architecture,
            context_length=config.max_tokens,
            embedding_dimension=config.hidden_size if config.kind == "encoder" else None,
            parameters=sum(tensor.elements for tensor in tensors.values()),
            layers=config.layers,
            hidden_size=config.hidden_size,
            vocab_size=config.vocab_size,
            quantizations=ENCODER_QUANTIZATIONS,
        )
