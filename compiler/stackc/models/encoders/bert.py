"""What a folder of a BERT-style encoder says about its model, and what its tensors are called."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from stackc.models.encoders.sentence import Sentence, read_sentence
from stackc.models.encoders.sequence_classes import Classes, is_classifier, read_classes
from stackc.models.errors import (
    CorruptFileError,
    UnsupportedArchitectureError,
    UnsupportedError,
    UnsupportedTensorTypeError,
)
from stackc.models.formats.entries import Entries
from stackc.models.formats.safetensors import SafetensorsFile, StoredTensor

WEIGHTS: Final = "model.safetensors"
CONFIG: Final = "config.json"
DTYPES: Final = ("BF16", "F16", "F32")

EncoderKind = Literal["encoder", "reranker", "classifier"]


@dataclass(frozen=True)
class LayerNames:
    """What a family calls the parts of a layer, below the layer's own name."""

    query: str
    key: str
    value: str
    attention: str
    attention_norm: str
    up: str
    down: str
    norm: str


@dataclass(frozen=True)
class Family:
    """Models that are BERT under other names.

    ``prefix`` is where a model with a head keeps the encoder; ``head`` is the dense layer in front
    of the last one, ``last``, and ``head_activation`` stands between them. ``keys`` are the entries
    of ``config.json`` that have another name than BERT's.
    """

    prefix: str
    layers: str
    names: LayerNames
    head: str
    head_activation: str
    last: str
    keys: Mapping[str, str]
    token_types: bool = True
    skips_padding_position: bool = False


_BERT_LAYER: Final = LayerNames(
    query="attention.self.query",
    key="attention.self.key",
    value="attention.self.value",
    attention="attention.output.dense",
    attention_norm="attention.output.LayerNorm",
    up="intermediate.dense",
    down="output.dense",
    norm="output.LayerNorm",
)
_BERT: Final = Family(
    "bert", "encoder.layer", _BERT_LAYER, "bert.pooler.dense", "tanh", "classifier", {}
)
_ROBERTA: Final = Family(
    "roberta",
    "encoder.layer",
    _BERT_LAYER,
    "classifier.dense",
    "tanh",
    "classifier.out_proj",
    {},
    skips_padding_position=True,
)
_DISTILBERT: Final = Family(
    "distilbert",
    "transformer.layer",
    LayerNames(
        query="attention.q_lin",
        key="attention.k_lin",
        value="attention.v_lin",
        attention="attention.out_lin",
        attention_norm="sa_layer_norm",
        up="ffn.lin1",
        down="ffn.lin2",
        norm="output_layer_norm",
    ),
    "pre_classifier",
    "relu",
    "classifier",
    {
        "hidden_size": "dim",
        "intermediate_size": "hidden_dim",
        "num_hidden_layers": "n_layers",
        "num_attention_heads": "n_heads",
        "hidden_act": "activation",
    },
    token_types=False,
)
FAMILIES: Final[Mapping[str, Family]] = {
    "bert": _BERT,
    "distilbert": _DISTILBERT,
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
}
ACTIVATIONS: Final = ("gelu", "gelu_new", "gelu_pytorch_tanh", "relu")


@dataclass(frozen=True)
class EncoderConfig:
    """The shape of an encoder; lengths are in tokens, sizes in numbers.

    ``first_position`` is the row of the position table that a text's first token takes.
    """

    architecture: str
    hidden_size: int
    intermediate_size: int
    layers: int
    heads: int
    positions: int
    first_position: int
    max_tokens: int
    vocab_size: int
    token_types: int
    norm_epsilon: float
    activation: str
    output: Sentence | Classes

    @property
    def family(self) -> Family:
        """What its tensors are called."""
        return FAMILIES[self.architecture]

    @property
    def kind(self) -> EncoderKind:
        """What it is for: vectors of sentences, scores of pairs, or classes."""
        if isinstance(self.output, Sentence):
            return "encoder"
        return "reranker" if len(self.output.labels) == 1 else "classifier"


def read_config(files: Mapping[str, Path]) -> EncoderConfig:
    """The configuration of the model in ``files`` (path inside the model's folder to file).

    Raises:
        UnsupportedArchitectureError: it is no BERT under any name.
        UnsupportedError: it is one with parts that have no converter.
        MissingFileError, CorruptFileError: a file is not there or not what it should be.
    """
    entries = Entries.read(files, CONFIG)
    architecture = str(entries.values.get("model_type", "unknown"))
    if architecture not in FAMILIES:
        raise UnsupportedArchitectureError(architecture, tuple(FAMILIES))
    family = FAMILIES[architecture]
    positions = entries.count("max_position_embeddings")
    first = entries.index("pad_token_id", 1) + 1 if family.skips_padding_position else 0
    config = EncoderConfig(
        architecture=architecture,
        hidden_size=entries.count(_key(family, "hidden_size")),
        intermediate_size=entries.count(_key(family, "intermediate_size")),
        layers=entries.count(_key(family, "num_hidden_layers")),
        heads=entries.count(_key(family, "num_attention_heads")),
        positions=positions,
        first_position=first,
        max_tokens=_max_tokens(files, positions - first),
        vocab_size=entries.count("vocab_size"),
        token_types=entries.count("type_vocab_size") if family.token_types else 0,
        norm_epsilon=entries.positive("layer_norm_eps") if family.token_types else 1e-12,
        activation=entries.text(_key(family, "hidden_act")) or "gelu",
        output=read_classes(entries) if is_classifier(files, entries) else read_sentence(files),
    )
    _check(entries, config)
    return config


def expected_tensors(config: EncoderConfig) -> dict[str, tuple[int, ...]]:
    """Every tensor of the encoder itself, without its prefix, with its shape (rows first)."""
    hidden, inner = config.hidden_size, config.intermediate_size
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (config.vocab_size, hidden),
        "embeddings.position_embeddings.weight": (config.positions, hidden),
        **_norm("embeddings.LayerNorm", hidden),
    }
    if config.token_types:
        shapes["embeddings.token_type_embeddings.weight"] = (config.token_types, hidden)
    names = config.family.names
    for layer in range(config.layers):
        prefix = f"{config.family.layers}.{layer}"
        for part in (names.query, names.key, names.value, names.attention):
            shapes |= _dense(f"{prefix}.{part}", hidden, hidden)
        shapes |= _norm(f"{prefix}.{names.attention_norm}", hidden)
        shapes |= _dense(f"{prefix}.{names.up}", inner, hidden)
        shapes |= _dense(f"{prefix}.{names.down}", hidden, inner)
        shapes |= _norm(f"{prefix}.{names.norm}", hidden)
    return shapes


def head_tensors(config: EncoderConfig) -> dict[str, tuple[int, ...]]:
    """Every tensor of the classification head, with its shape; none without a head."""
    if isinstance(config.output, Sentence):
        return {}
    hidden, family = config.hidden_size, config.family
    last = _dense(family.last, len(config.output.labels), hidden)
    return {**_dense(family.head, hidden, hidden), **last}


def read_tensors(file: SafetensorsFile, config: EncoderConfig) -> dict[str, StoredTensor]:
    """The tensors that the converter reads, the encoder's by their names without a prefix.

    Raises:
        UnsupportedTensorTypeError: one has a number format without a decoder.
        CorruptFileError: one is missing or has another shape.
    """
    if config.layers > len(file.tensors):
        raise CorruptFileError(file.name, f"it has no {config.layers} layers")
    plain = "embeddings.word_embeddings.weight" in file.tensors
    prefix = "" if plain else f"{config.family.prefix}."
    found = {
        name: _tensor(file, prefix + name, shape)
        for name, shape in expected_tensors(config).items()
    }
    return found | {
        name: _tensor(file, name, shape) for name, shape in head_tensors(config).items()
    }


def _tensor(file: SafetensorsFile, name: str, shape: tuple[int, ...]) -> StoredTensor:
    tensor = file.tensors.get(name) or file.tensors.get(_old_name(name))
    if tensor is None:
        raise CorruptFileError(file.name, f"tensor `{name}` is missing")
    if tensor.shape != shape:
        message = f"tensor `{name}` has shape {list(tensor.shape)}, not {list(shape)}"
        raise CorruptFileError(file.name, message)
    if tensor.dtype not in DTYPES:
        raise UnsupportedTensorTypeError(name, tensor.dtype, DTYPES)
    return tensor


def _old_name(name: str) -> str:
    """What the first checkpoints, converted from TensorFlow, call the vectors of a norm."""
    name = name.replace("LayerNorm.weight", "LayerNorm.gamma")
    return name.replace("LayerNorm.bias", "LayerNorm.beta")


def _key(family: Family, name: str) -> str:
    return family.keys.get(name, name)


def _dense(name: str, rows: int, columns: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (rows, columns), f"{name}.bias": (rows,)}


def _norm(name: str, size: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (size,), f"{name}.bias": (size,)}


def _check(entries: Entries, config: EncoderConfig) -> None:
    if config.activation not in ACTIVATIONS:
        known = ", ".join(ACTIVATIONS)
        raise UnsupportedError(
            f"activation `{config.activation}` is not supported; supported: {known}"
        )
    positions = entries.values.get("position_embedding_type") or "absolute"
    if positions != "absolute":
        raise UnsupportedError(f"position embeddings `{positions}` are not supported")
    if config.hidden_size % config.heads:
        raise CorruptFileError(entries.file, "the heads do not divide the hidden size")
    if config.max_tokens < 1:
        raise CorruptFileError(entries.file, "there is no position for a token")


def _max_tokens(files: Mapping[str, Path], positions: int) -> int:
    """Tokens that one input may have: the shortest of what the folder's files allow."""
    limits = [positions]
    # transformers writes 1e30 where a tokenizer has no limit, and null is none either.
    for name, key in (
        ("sentence_bert_config.json", "max_seq_length"),
        ("tokenizer_config.json", "model_max_length"),
    ):
        value = Entries.optional(files, name).values.get(key)
        if type(value) is int and value > 0:
            limits.append(value)
    return min(limits)
