"""What a Llama-architecture GGUF says about its model, checked before anything is converted."""

import math
from dataclasses import dataclass
from typing import Any, Final

from stackc.models.errors import (
    CorruptFileError,
    UnsupportedArchitectureError,
    UnsupportedError,
    UnsupportedTensorTypeError,
)
from stackc.models.gguf import GGML_TYPES, GgufFile, TensorInfo, type_name

SUPPORTED: Final = ("llama",)
MAX_CONTEXT: Final = 1 << 20
_REQUIRED: Final = object()


@dataclass(frozen=True)
class LlamaConfig:
    """The shape of a Llama decoder; lengths are in tokens, sizes in numbers."""

    architecture: str
    context_length: int
    hidden_size: int
    feed_forward_size: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    vocab_size: int
    norm_epsilon: float
    rope_theta: float
    rope_scale: float
    tied: bool


def read_config(file: GgufFile) -> LlamaConfig:
    """The configuration of the model in ``file``.

    Raises:
        UnsupportedArchitectureError: it is not a Llama model.
        UnsupportedError: it is one with parts that have no converter, such as experts.
        CorruptFileError: an entry is missing or cannot be right.
    """
    architecture = str(file.metadata.get("general.architecture", "unknown"))
    if architecture not in SUPPORTED:
        raise UnsupportedArchitectureError(architecture, SUPPORTED)
    keys = _Keys(file, architecture)
    heads = keys.count("attention.head_count")
    hidden = keys.count("embedding_length")
    head_dim = keys.count("attention.key_length", default=max(hidden // heads, 1))
    embedding = _tensor(file, "token_embd.weight")
    config = LlamaConfig(
        architecture=architecture,
        context_length=keys.count("context_length", limit=MAX_CONTEXT),
        hidden_size=hidden,
        feed_forward_size=keys.count("feed_forward_length"),
        layers=keys.count("block_count", limit=len(file.tensors)),
        heads=heads,
        kv_heads=keys.count("attention.head_count_kv", default=heads),
        head_dim=head_dim,
        vocab_size=embedding.shape[0],
        norm_epsilon=keys.positive("attention.layer_norm_rms_epsilon"),
        rope_theta=keys.positive("rope.freq_base", default=10000.0),
        rope_scale=_rope_scale(keys),
        tied="output.weight" not in file.tensors,
    )
    _check_unsupported(keys, config)
    _check_tensors(file, config)
    return config


def expected_tensors(config: LlamaConfig) -> dict[str, tuple[int, ...]]:
    """Every tensor that such a model has, with its shape (rows first)."""
    hidden, inner = config.hidden_size, config.feed_forward_size
    queries, keys = config.heads * config.head_dim, config.kv_heads * config.head_dim
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (config.vocab_size, hidden),
        "output_norm.weight": (hidden,),
    }
    if not config.tied:
        shapes["output.weight"] = (config.vocab_size, hidden)
    for layer in range(config.layers):
        shapes |= {
            f"blk.{layer}.attn_norm.weight": (hidden,),
            f"blk.{layer}.attn_q.weight": (queries, hidden),
            f"blk.{layer}.attn_k.weight": (keys, hidden),
            f"blk.{layer}.attn_v.weight": (keys, hidden),
            f"blk.{layer}.attn_output.weight": (hidden, queries),
            f"blk.{layer}.ffn_norm.weight": (hidden,),
            f"blk.{layer}.ffn_gate.weight": (inner, hidden),
            f"blk.{layer}.ffn_up.weight": (inner, hidden),
            f"blk.{layer}.ffn_down.weight": (hidden, inner),
        }
    return shapes


ROPE_FACTORS: Final = "rope_freqs.weight"


def _check_tensors(file: GgufFile, config: LlamaConfig) -> None:
    expected = expected_tensors(config)
    if ROPE_FACTORS in file.tensors:
        expected[ROPE_FACTORS] = (config.head_dim // 2,)
    for name, shape in expected.items():
        found = _tensor(file, name)
        if found.shape != shape:
            message = f"tensor `{name}` has shape {list(found.shape)}, not {list(shape)}"
            raise CorruptFileError(file.name, message)
        if found.type_code not in GGML_TYPES:
            known = [kind.name for kind in GGML_TYPES.values()]
            raise UnsupportedTensorTypeError(name, type_name(found.type_code), known)
    for name in file.tensors:
        if name not in expected:
            raise UnsupportedError(f"`{file.name}` has the tensor `{name}`, which is not supported")


def _check_unsupported(keys: "_Keys", config: LlamaConfig) -> None:
    if config.heads % config.kv_heads:
        raise CorruptFileError(keys.file.name, "the key-value heads do not divide the heads")
    if config.head_dim % 2:
        raise CorruptFileError(keys.file.name, f"the head dimension {config.head_dim} is odd")
    if keys.count("attention.value_length", default=config.head_dim) != config.head_dim:
        raise UnsupportedError("keys and values of different lengths are not supported")
    if keys.count("rope.dimension_count", default=config.head_dim) != config.head_dim:
        raise UnsupportedError("rotary embedding of a part of the head is not supported")
    if keys.file.metadata.get(keys.name("attention.sliding_window")):
        raise UnsupportedError("sliding-window attention is not supported")


def _rope_scale(keys: "_Keys") -> float:
    """By how much positions are divided (linear scaling)."""
    kind = keys.file.metadata.get(keys.name("rope.scaling.type"), "none")
    if kind not in ("none", "linear"):
        raise UnsupportedError(f"rope scaling `{kind}` is not supported; supported: none, linear")
    older = keys.positive("rope.scale_linear", default=1.0)
    return keys.positive("rope.scaling.factor", default=older) if kind == "linear" else older


def _tensor(file: GgufFile, name: str) -> TensorInfo:
    if name not in file.tensors:
        raise CorruptFileError(file.name, f"tensor `{name}` is missing")
    return file.tensors[name]


class _Keys:
    """Typed access to the metadata entries of one architecture."""

    def __init__(self, file: GgufFile, architecture: str) -> None:
        self.file = file
        self._prefix = architecture

    def name(self, key: str) -> str:
        return f"{self._prefix}.{key}"

    def count(self, key: str, *, default: int | None = None, limit: int = 1 << 31) -> int:
        value = self._entry(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= limit:
            raise CorruptFileError(self.file.name, f"metadata `{self.name(key)}` is {value!r}")
        return value

    def positive(self, key: str, *, default: float | None = None) -> float:
        value = self._entry(key, default)
        if not isinstance(value, float) or not 0 < value < math.inf:
            raise CorruptFileError(self.file.name, f"metadata `{self.name(key)}` is {value!r}")
        return value

    def _entry(self, key: str, default: Any) -> Any:
        value = self.file.metadata.get(self.name(key), default)
        if value is None:
            raise CorruptFileError(self.file.name, f"metadata `{self.name(key)}` is missing")
        return value
