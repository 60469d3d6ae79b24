"""What a folder of a BERT-style sentence encoder says about its model."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from stackc.models.errors import (
    CorruptFileError,
    MissingFileError,
    UnsupportedArchitectureError,
    UnsupportedError,
    UnsupportedTensorTypeError,
)
from stackc.models.safetensors import SafetensorsFile, StoredTensor

SUPPORTED: Final = ("bert",)
WEIGHTS: Final = "model.safetensors"
TOKENIZER: Final = "tokenizer.json"
CONFIG: Final = "config.json"
DTYPES: Final = ("BF16", "F16", "F32")


@dataclass(frozen=True)
class BertConfig:
    """The shape of a sentence encoder; lengths are in tokens, sizes in numbers."""

    architecture: str
    hidden_size: int
    intermediate_size: int
    layers: int
    heads: int
    max_positions: int
    max_tokens: int
    vocab_size: int
    token_types: int
    norm_epsilon: float
    pooling: str
    normalize: bool


def read_config(files: Mapping[str, Path]) -> BertConfig:
    """The configuration of the model in ``files`` (path inside the model's folder to file).

    Without ``modules.json`` the model pools by the mean and does not normalise, as
    sentence-transformers has it.

    Raises:
        UnsupportedArchitectureError: it is not a BERT model.
        UnsupportedError: it is one with parts that have no converter.
        MissingFileError, CorruptFileError: a file is not there or not what it should be.
    """
    entries = _Entries(CONFIG, read_json(files, CONFIG))
    architecture = str(entries.values.get("model_type", "unknown"))
    if architecture not in SUPPORTED:
        raise UnsupportedArchitectureError(architecture, SUPPORTED)
    _check_unsupported(entries)
    pooling, normalize = _modules(files)
    max_positions = entries.count("max_position_embeddings")
    return BertConfig(
        architecture=architecture,
        hidden_size=entries.count("hidden_size"),
        intermediate_size=entries.count("intermediate_size"),
        layers=entries.count("num_hidden_layers"),
        heads=entries.count("num_attention_heads"),
        max_positions=max_positions,
        max_tokens=min(_max_tokens(files, max_positions), max_positions),
        vocab_size=entries.count("vocab_size"),
        token_types=entries.count("type_vocab_size"),
        norm_epsilon=entries.positive("layer_norm_eps"),
        pooling=pooling,
        normalize=normalize,
    )


def expected_tensors(config: BertConfig) -> dict[str, tuple[int, ...]]:
    """Every tensor that the converter reads, with its shape (rows first)."""
    hidden, inner = config.hidden_size, config.intermediate_size
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (config.vocab_size, hidden),
        "embeddings.position_embeddings.weight": (config.max_positions, hidden),
        "embeddings.token_type_embeddings.weight": (config.token_types, hidden),
        **_norm("embeddings.LayerNorm", hidden),
    }
    for layer in range(config.layers):
        prefix = f"encoder.layer.{layer}"
        for part in ("query", "key", "value"):
            shapes |= _dense(f"{prefix}.attention.self.{part}", hidden, hidden)
        shapes |= _dense(f"{prefix}.attention.output.dense", hidden, hidden)
        shapes |= _norm(f"{prefix}.attention.output.LayerNorm", hidden)
        shapes |= _dense(f"{prefix}.intermediate.dense", inner, hidden)
        shapes |= _dense(f"{prefix}.output.dense", hidden, inner)
        shapes |= _norm(f"{prefix}.output.LayerNorm", hidden)
    return shapes


def read_json(files: Mapping[str, Path], name: str) -> Any:
    """The content of a JSON file of the model.

    Raises:
        MissingFileError, CorruptFileError: the file is not there or not JSON.
    """
    try:
        return json.loads(required(files, name).read_bytes())
    except (ValueError, RecursionError):
        raise CorruptFileError(name, "it is not JSON") from None


def required(files: Mapping[str, Path], name: str) -> Path:
    """The file that the model calls ``name``.

    Raises:
        MissingFileError: there is none.
    """
    if name not in files:
        raise MissingFileError(name, "a sentence encoder needs it")
    return files[name]


def read_tensors(file: SafetensorsFile, config: BertConfig) -> dict[str, StoredTensor]:
    """The tensors that the converter reads, by their names in the plain model.

    Some publishers keep them under ``bert.``, beside the heads of the training.

    Raises:
        UnsupportedTensorTypeError: one has a number format without a decoder.
        CorruptFileError: one is missing or has another shape.
    """
    if config.layers > len(file.tensors):
        raise CorruptFileError(file.name, f"it has no {config.layers} layers")
    prefix = "" if "embeddings.word_embeddings.weight" in file.tensors else "bert."
    found = {}
    for name, shape in expected_tensors(config).items():
        tensor = file.tensors.get(prefix + name)
        if tensor is None:
            raise CorruptFileError(file.name, f"tensor `{name}` is missing")
        if tensor.shape != shape:
            message = f"tensor `{name}` has shape {list(tensor.shape)}, not {list(shape)}"
            raise CorruptFileError(file.name, message)
        if tensor.dtype not in DTYPES:
            raise UnsupportedTensorTypeError(name, tensor.dtype, DTYPES)
        found[name] = tensor
    return found


def _dense(name: str, rows: int, columns: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (rows, columns), f"{name}.bias": (rows,)}


def _norm(name: str, size: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (size,), f"{name}.bias": (size,)}


def _check_unsupported(entries: "_Entries") -> None:
    activation = entries.values.get("hidden_act", "gelu")
    if activation != "gelu":
        raise UnsupportedError(f"activation `{activation}` is not supported; supported: gelu")
    positions = entries.values.get("position_embedding_type", "absolute")
    if positions != "absolute":
        raise UnsupportedError(f"position embeddings `{positions}` are not supported")
    if entries.count("hidden_size") % entries.count("num_attention_heads"):
        raise CorruptFileError(entries.file, "the heads do not divide the hidden size")


def _modules(files: Mapping[str, Path]) -> tuple[str, bool]:
    """How the token vectors are pooled, and whether the result is normalised."""
    if "modules.json" not in files:
        return "mean", False
    pooling, normalize = "mean", False
    for module in _Entries.listed("modules.json", read_json(files, "modules.json")):
        kind = str(module.values.get("type", "missing")).rpartition(".")[2]
        if kind == "Pooling":
            pooling = _pooling(files, f"{module.values.get('path', '')}/config.json")
        elif kind == "Normalize":
            normalize = True
        elif kind != "Transformer":
            raise UnsupportedError(f"module `{kind}` of a sentence encoder is not supported")
    return pooling, normalize


def _pooling(files: Mapping[str, Path], name: str) -> str:
    entries = _Entries(name, read_json(files, name)).values
    prefix = "pooling_mode_"
    modes = [
        key.removeprefix(prefix) for key, on in entries.items() if key.startswith(prefix) and on
    ]
    known = {"mean_tokens": "mean", "cls_token": "cls"}
    if len(modes) != 1 or modes[0] not in known:
        chosen = " + ".join(modes) or "none"
        raise UnsupportedError(
            f"pooling `{chosen}` is not supported; supported: {', '.join(known)}"
        )
    return known[modes[0]]


def _max_tokens(files: Mapping[str, Path], default: int) -> int:
    name = "sentence_bert_config.json"
    if name not in files:
        return default
    entries = _Entries(name, read_json(files, name))
    return entries.count("max_seq_length") if entries.values.get("max_seq_length") else default


class _Entries:
    """Typed access to the entries of a JSON object."""

    def __init__(self, file: str, values: Any) -> None:
        if not isinstance(values, dict):
            raise CorruptFileError(file, "it is not a JSON object")
        self.file = file
        self.values: dict[str, Any] = values

    @classmethod
    def listed(cls, file: str, values: Any) -> "list[_Entries]":
        if not isinstance(values, list):
            raise CorruptFileError(file, "it is not a JSON array")
        return [cls(file, value) for value in values]

    def count(self, key: str) -> int:
        value = self.values.get(key)
        if type(value) is not int or not 0 < value < 1 << 31:
            raise CorruptFileError(self.file, f"`{key}` is {value!r}")
        return value

    def positive(self, key: str) -> float:
        value = self.values.get(key)
        if not isinstance(value, float) or not 0 < value < 1:
            raise CorruptFileError(self.file, f"`{key}` is {value!r}")
        return value
