"""What a decoder is, wherever its weights come from: its sizes, its parts, its tensors."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from stackc.models.decoders.rope import Rope
from stackc.models.errors import CorruptFileError, UnsupportedError

MAX_CONTEXT: Final = 1 << 20
MIN_THETA: Final = 2.0  # published models have 10,000 and more
_MAX_HEAD: Final = 1024
_HEAD_STEP: Final = 16  # onnxruntime turns heads of such multiples only


@dataclass(frozen=True)
class Family:
    """In what a family differs from Llama."""

    qkv_bias: bool = False
    qk_norm: bool = False


FAMILIES: Final[Mapping[str, Family]] = {
    "llama": Family(),
    "mistral": Family(),
    "qwen2": Family(qkv_bias=True),
    "qwen3": Family(qk_norm=True),
}


@dataclass(frozen=True)
class DecoderConfig:
    """The shape of a decoder; lengths are in tokens, sizes in numbers.

    ``windows`` says for each layer how many tokens, with its own, a token attends to; None is all.
    ``tied`` says that the embeddings are the head too.
    """

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
    rope: Rope
    windows: tuple[int | None, ...]
    tied: bool

    @property
    def family(self) -> Family:
        """The parts that Llama does not have."""
        return FAMILIES[self.architecture]


@dataclass(frozen=True)
class TensorNames:
    """What a kind of file calls the tensors of ``expected_tensors``."""

    layers: str
    parts: Mapping[str, str]

    def of(self, tensor: str) -> str:
        """The file's name for a tensor."""
        path, _, suffix = tensor.rpartition(".")
        if not path.startswith("layers."):
            return f"{self.parts[path]}.{suffix}"
        _, layer, part = path.split(".", 2)
        return f"{self.layers}.{layer}.{self.parts[part]}.{suffix}"


def expected_tensors(config: DecoderConfig) -> dict[str, tuple[int, ...]]:
    """Every tensor that such a model has, with its shape (rows first)."""
    hidden = config.hidden_size
    shapes: dict[str, tuple[int, ...]] = {
        "embedding.weight": (config.vocab_size, hidden),
        "norm.weight": (hidden,),
    }
    if not config.tied:
        shapes["head.weight"] = (config.vocab_size, hidden)
    for layer in range(config.layers):
        for name, shape in _layer_tensors(config).items():
            shapes[f"layers.{layer}.{name}"] = shape
    return shapes


def _layer_tensors(config: DecoderConfig) -> dict[str, tuple[int, ...]]:
    hidden, inner = config.hidden_size, config.feed_forward_size
    queries, keys = config.heads * config.head_dim, config.kv_heads * config.head_dim
    shapes: dict[str, tuple[int, ...]] = {
        "attention.norm.weight": (hidden,),
        "attention.query.weight": (queries, hidden),
        "attention.key.weight": (keys, hidden),
        "attention.value.weight": (keys, hidden),
        "attention.output.weight": (hidden, queries),
        "feed_forward.norm.weight": (hidden,),
        "feed_forward.gate.weight": (inner, hidden),
        "feed_forward.up.weight": (inner, hidden),
        "feed_forward.down.weight": (hidden, inner),
    }
    if config.family.qkv_bias:
        shapes |= {
            "attention.query.bias": (queries,),
            "attention.key.bias": (keys,),
            "attention.value.bias": (keys,),
        }
    if config.family.qk_norm:
        shapes |= {
            "attention.query_norm.weight": (config.head_dim,),
            "attention.key_norm.weight": (config.head_dim,),
        }
    return shapes


def check_heads(heads: int, kv_heads: int, head_dim: int, file: str) -> None:
    """Raises CorruptFileError or UnsupportedError for heads that cannot be."""
    if heads % kv_heads:
        raise CorruptFileError(file, "the key-value heads do not divide the heads")
    if head_dim > _MAX_HEAD:
        raise CorruptFileError(file, f"its heads have {head_dim} numbers")
    if head_dim % _HEAD_STEP:
        message = f"heads of {head_dim} numbers are not supported, only multiples of {_HEAD_STEP}"
        raise UnsupportedError(message)


def check_shape(name: str, found: tuple[int, ...], wanted: tuple[int, ...], file: str) -> None:
    """Raises CorruptFileError unless the tensor ``name`` has the wanted shape."""
    if found != wanted:
        message = f"tensor `{name}` has shape {list(found)}, not {list(wanted)}"
        raise CorruptFileError(file, message)
