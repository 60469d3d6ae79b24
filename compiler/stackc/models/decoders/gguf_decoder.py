"""What a GGUF file says about its decoder, checked before anything is converted."""

import math
import struct
from typing import Any, Final

from stackc.models.decoders import rope
from stackc.models.decoders.decoder_config import (
    MAX_CONTEXT,
    MIN_THETA,
    DecoderConfig,
    TensorNames,
    check_heads,
    check_shape,
    expected_tensors,
)
from stackc.models.decoders.rope import Rope
from stackc.models.errors import (
    CorruptFileError,
    UnsupportedArchitectureError,
    UnsupportedError,
    UnsupportedTensorTypeError,
)
from stackc.models.formats.gguf import GGML_TYPES, GgufFile, TensorInfo, type_name

SUPPORTED: Final = ("llama", "qwen2", "qwen3")  # Mistral's models are `llama` here
INTERLEAVED: Final = ("llama",)
"""Whose files interleave the two halves of every query and key head."""

NAMES: Final = TensorNames(
    "blk",
    {
        "embedding": "token_embd",
        "norm": "output_norm",
        "head": "output",
        "attention.norm": "attn_norm",
        "attention.query": "attn_q",
        "attention.key": "attn_k",
        "attention.value": "attn_v",
        "attention.query_norm": "attn_q_norm",
        "attention.key_norm": "attn_k_norm",
        "attention.output": "attn_output",
        "feed_forward.norm": "ffn_norm",
        "feed_forward.gate": "ffn_gate",
        "feed_forward.up": "ffn_up",
        "feed_forward.down": "ffn_down",
    },
)
_ROPE_DIVISORS: Final = "rope_freqs.weight"


def read_config(file: GgufFile) -> DecoderConfig:
    """The configuration of the model in ``file``.

    Raises:
        UnsupportedArchitectureError: it has no converter.
        UnsupportedError: it has parts without a converter, such as experts.
        CorruptFileError: an entry is missing or cannot be right.
    """
    architecture = str(file.metadata.get("general.architecture", "unknown"))
    if architecture not in SUPPORTED:
        raise UnsupportedArchitectureError(architecture[:100], SUPPORTED)
    keys = _Keys(file, architecture)
    heads = keys.count("attention.head_count")
    kv_heads = keys.count("attention.head_count_kv", default=heads)
    hidden = keys.count("embedding_length")
    head_dim = keys.count("attention.key_length", default=max(hidden // heads, 1))
    layers = keys.count("block_count", limit=len(file.tensors))
    context_length = keys.count("context_length", limit=MAX_CONTEXT)
    check_heads(heads, kv_heads, head_dim, file.name)
    _check_unsupported(keys, head_dim)
    config = DecoderConfig(
        architecture=architecture,
        context_length=context_length,
        hidden_size=hidden,
        feed_forward_size=keys.count("feed_forward_length"),
        layers=layers,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        vocab_size=_embeddings(file),
        norm_epsilon=keys.positive("attention.layer_norm_rms_epsilon"),
        rope=_rope(keys, head_dim),
        windows=(_window(keys, context_length),) * layers,
        tied="output.weight" not in file.tensors,
    )
    _check_tensors(file, config)
    return config


def _check_tensors(file: GgufFile, config: DecoderConfig) -> None:
    expected = {NAMES.of(name): shape for name, shape in expected_tensors(config).items()}
    for name, shape in expected.items():
        if name not in file.tensors:
            raise CorruptFileError(file.name, f"tensor `{name}` is missing")
        check_shape(name, file.tensors[name].shape, shape, file.name)
    for name, info in file.tensors.items():
        if name not in expected and name != _ROPE_DIVISORS:
            raise UnsupportedError(
                f"`{file.name}` has the tensor `{name[:100]}`, which is not supported"
            )
        if info.type_code not in GGML_TYPES:
            known = [kind.name for kind in GGML_TYPES.values()]
            raise UnsupportedTensorTypeError(name, type_name(info.type_code), known)


def _check_unsupported(keys: "_Keys", head_dim: int) -> None:
    if keys.count("attention.value_length", default=head_dim) != head_dim:
        raise UnsupportedError("keys and values of different lengths are not supported")
    if keys.count("rope.dimension_count", default=head_dim) != head_dim:
        raise UnsupportedError("rotary embedding of a part of the head is not supported")
    if keys.file.metadata.get(keys.name("expert_count")):
        raise UnsupportedError("mixtures of experts are not supported")


def _embeddings(file: GgufFile) -> int:
    name = "token_embd.weight"
    if name not in file.tensors:
        raise CorruptFileError(file.name, f"tensor `{name}` is missing")
    return file.tensors[name].shape[0]


def _window(keys: "_Keys", context_length: int) -> int | None:
    """How many tokens one attends to; a length of 0 is written for all."""
    if not keys.file.metadata.get(keys.name("attention.sliding_window")):
        return None
    length = keys.count("attention.sliding_window")
    return length if length < context_length else None


def _rope(keys: "_Keys", head_dim: int) -> Rope:
    theta = keys.positive("rope.freq_base", default=10000.0, least=MIN_THETA)
    turns = _scaled(keys, rope.plain(theta, head_dim), theta)
    divisors = keys.file.tensors.get(_ROPE_DIVISORS)
    return turns if divisors is None else turns.divided(_divisors(keys.file, divisors, head_dim))


def _scaled(keys: "_Keys", turns: Rope, theta: float) -> Rope:
    kind = keys.file.metadata.get(keys.name("rope.scaling.type"), "none")
    if kind == "yarn":
        return rope.yarn(
            turns,
            theta=theta,
            factor=keys.positive("rope.scaling.factor"),
            fast_turns=keys.positive("rope.scaling.yarn_beta_fast", default=32.0),
            slow_turns=keys.positive("rope.scaling.yarn_beta_slow", default=1.0),
            trained_length=keys.count("rope.scaling.original_context_length"),
        )
    if kind not in ("none", "linear"):
        raise UnsupportedError(
            f"rope scaling `{str(kind)[:100]}` is not supported; supported: none, linear, yarn"
        )
    older = keys.positive("rope.scale_linear", default=1.0)
    factor = keys.positive("rope.scaling.factor", default=older) if kind == "linear" else older
    return rope.linear(turns, factor)


def _divisors(file: GgufFile, info: TensorInfo, head_dim: int) -> tuple[float, ...]:
    """Llama 3.1's scaling as its converted files state it: a divisor for each frequency."""
    check_shape(info.name, info.shape, (head_dim // 2,), file.name)
    if type_name(info.type_code) != "F32":
        raise UnsupportedTensorTypeError(info.name, type_name(info.type_code), ["F32"])
    found = struct.unpack_from(f"<{head_dim // 2}f", file.buffer, info.offset)
    if not all(0 < each < math.inf for each in found):
        raise CorruptFileError(file.name, f"tensor `{info.name}` holds what is no divisor")
    return found


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
            raise self._damaged(key, value)
        return value

    def positive(self, key: str, *, default: float | None = None, least: float = 1e-20) -> float:
        value = self._entry(key, default)
        if not isinstance(value, float) or not least <= value <= 1e20:
            raise self._damaged(key, value)
        return value

    def _entry(self, key: str, default: Any) -> Any:
        value = self.file.metadata.get(self.name(key), default)
        if value is None:
            raise CorruptFileError(self.file.name, f"metadata `{self.name(key)}` is missing")
        return value

    def _damaged(self, key: str, value: Any) -> CorruptFileError:
        return CorruptFileError(self.file.name, f"metadata `{self.name(key)}` is {value!r}"[:200])
