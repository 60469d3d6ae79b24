"""What a folder of safetensors files says about its decoder, checked before it is converted."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

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
from stackc.models.formats.entries import Entries
from stackc.models.formats.shards import Shards

CONFIG: Final = "config.json"
DTYPES: Final = ("BF16", "F16", "F32")
ARCHITECTURES: Final[Mapping[str, str]] = {
    "LlamaForCausalLM": "llama",
    "MistralForCausalLM": "mistral",
    "Qwen2ForCausalLM": "qwen2",
    "Qwen3ForCausalLM": "qwen3",
}
"""The family of each class of transformers that has a converter."""

NAMES: Final = TensorNames(
    "model.layers",
    {
        "embedding": "model.embed_tokens",
        "norm": "model.norm",
        "head": "lm_head",
        "attention.norm": "input_layernorm",
        "attention.query": "self_attn.q_proj",
        "attention.key": "self_attn.k_proj",
        "attention.value": "self_attn.v_proj",
        "attention.query_norm": "self_attn.q_norm",
        "attention.key_norm": "self_attn.k_norm",
        "attention.output": "self_attn.o_proj",
        "feed_forward.norm": "post_attention_layernorm",
        "feed_forward.gate": "mlp.gate_proj",
        "feed_forward.up": "mlp.up_proj",
        "feed_forward.down": "mlp.down_proj",
    },
)
_HEAD: Final = "lm_head.weight"
_COMPUTED: Final = "rotary_emb.inv_freq"  # what older versions stored follows from the rest
_MISTRAL_WINDOW: Final = 4096  # MistralConfig's default


def is_decoder(files: Mapping[str, Path]) -> bool:
    """Whether the folder's ``config.json`` is that of some language model, supported or not."""
    entries = Entries.read(files, CONFIG)
    return _class(entries).endswith("ForCausalLM")


def read_config(files: Mapping[str, Path], shards: Shards) -> DecoderConfig:
    """The configuration of the model in ``files`` (path inside the model's folder to file).

    Raises:
        UnsupportedArchitectureError: it has no converter.
        UnsupportedError: it has parts without a converter.
        MissingFileError, CorruptFileError: a file is not there or not what it should be.
    """
    entries = Entries.read(files, CONFIG)
    name = _class(entries)
    if name not in ARCHITECTURES:
        raise UnsupportedArchitectureError(name[:100], tuple(ARCHITECTURES))
    _check_unsupported(entries)
    architecture, layers = ARCHITECTURES[name], entries.count("num_hidden_layers")
    if layers > len(shards.tensors):
        raise CorruptFileError(shards.name, f"it has no {layers} layers")
    heads, hidden = entries.count("num_attention_heads"), entries.count("hidden_size")
    kv_heads = entries.count_or("num_key_value_heads", heads)
    head_dim = entries.count_or("head_dim", max(hidden // heads, 1))
    check_heads(heads, kv_heads, head_dim, CONFIG)
    context_length = entries.count("max_position_embeddings")
    if context_length > MAX_CONTEXT:
        raise CorruptFileError(CONFIG, f"`max_position_embeddings` is {context_length}")
    config = DecoderConfig(
        architecture=architecture,
        context_length=context_length,
        hidden_size=hidden,
        feed_forward_size=entries.count("intermediate_size"),
        layers=layers,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        vocab_size=entries.count("vocab_size"),
        norm_epsilon=entries.number("rms_norm_eps"),
        rope=_rope(entries, head_dim, context_length),
        windows=tuple(
            length if length is not None and length < context_length else None
            for length in _windows(entries, architecture, layers)
        ),
        tied=entries.flag("tie_word_embeddings", default=_HEAD not in shards.tensors),
    )
    _check_tensors(shards, config)
    return config


def _class(entries: Entries) -> str:
    names = entries.values.get("architectures")
    if not isinstance(names, list) or not names or not isinstance(names[0], str):
        return "unknown"
    return names[0]


def _check_unsupported(entries: Entries) -> None:
    if entries.values.get("quantization_config"):
        raise UnsupportedError("checkpoints that are quantised already are not supported")
    activation = entries.text("hidden_act") or "silu"
    if activation != "silu":
        raise UnsupportedError(f"activation `{activation[:100]}` is not supported; supported: silu")
    if entries.number("partial_rotary_factor", 1.0) != 1:
        raise UnsupportedError("rotary embedding of a part of the head is not supported")


def _windows(entries: Entries, architecture: str, layers: int) -> tuple[int | None, ...]:
    """To how many tokens each layer attends, as the configurations of transformers say it."""
    if architecture == "mistral":
        if "sliding_window" in entries.values and entries.values["sliding_window"] is None:
            return (None,) * layers
        return (entries.count_or("sliding_window", _MISTRAL_WINDOW),) * layers
    if architecture == "llama" or not entries.flag("use_sliding_window", default=False):
        return (None,) * layers
    length = entries.count("sliding_window")
    kinds = entries.values.get("layer_types")
    if kinds is None:
        first = entries.index("max_window_layers", layers)
        return tuple(length if layer >= first else None for layer in range(layers))
    known: dict[object, int | None] = {"full_attention": None, "sliding_attention": length}
    fits = isinstance(kinds, list) and len(kinds) == layers
    if not fits or any(not isinstance(kind, str) or kind not in known for kind in kinds):
        raise CorruptFileError(CONFIG, f"`layer_types` is {kinds!r}"[:200])
    return tuple(known[kind] for kind in kinds)


def _rope(entries: Entries, head_dim: int, context_length: int) -> Rope:
    # transformers 5 writes all of it into `rope_parameters`, before it was in two places.
    key = "rope_parameters" if entries.values.get("rope_parameters") else "rope_scaling"
    scaling = entries.object(key)
    if any(isinstance(value, dict) for value in scaling.values.values()):
        raise UnsupportedError("rope scaling that differs between layers is not supported")
    if scaling.number("partial_rotary_factor", 1.0) != 1:
        raise UnsupportedError("rotary embedding of a part of the head is not supported")
    older = entries.number("rope_theta", 10000.0, least=MIN_THETA)
    theta = scaling.number("rope_theta", older, least=MIN_THETA)
    turns = rope.plain(theta, head_dim)
    kind = scaling.text("rope_type") or scaling.text("type") or "default"
    if kind == "default":
        return turns
    if kind == "linear":
        return rope.linear(turns, scaling.number("factor"))
    trained = scaling.count_or("original_max_position_embeddings", context_length)
    if kind == "llama3":
        return _llama3(turns, scaling, trained)
    if kind == "yarn":
        return _yarn(turns, scaling, trained, theta)
    known = "default, linear, llama3, yarn"
    raise UnsupportedError(f"rope scaling `{kind[:100]}` is not supported; supported: {known}")


def _llama3(turns: Rope, scaling: Entries, trained: int) -> Rope:
    low, high = scaling.number("low_freq_factor"), scaling.number("high_freq_factor")
    if low >= high:
        raise CorruptFileError(CONFIG, f"`low_freq_factor` is {low}, not below {high}")
    factor = scaling.number("factor")
    return rope.llama3(
        turns, factor=factor, low_factor=low, high_factor=high, trained_length=trained
    )


def _yarn(turns: Rope, scaling: Entries, trained: int, theta: float) -> Rope:
    for key in ("mscale", "mscale_all_dim"):
        if scaling.values.get(key) is not None:
            raise UnsupportedError(f"`{key}` of rope scaling is not supported")
    given = scaling.values.get("attention_factor") is not None
    if not scaling.flag("truncate", default=True):
        raise UnsupportedError("rope scaling without `truncate` is not supported")
    return rope.yarn(
        turns,
        theta=theta,
        factor=scaling.number("factor"),
        fast_turns=scaling.number("beta_fast", 32.0),
        slow_turns=scaling.number("beta_slow", 1.0),
        trained_length=trained,
        magnitude=scaling.number("attention_factor") if given else None,
    )


def _check_tensors(shards: Shards, config: DecoderConfig) -> None:
    expected = {NAMES.of(name): shape for name, shape in expected_tensors(config).items()}
    for name, shape in expected.items():
        if name not in shards.tensors:
            raise CorruptFileError(shards.name, f"tensor `{name}` is missing")
        file, tensor = shards.tensors[name]
        check_shape(name, tensor.shape, shape, file.name)
    for name, (file, tensor) in shards.tensors.items():
        if name not in expected:
            if name.endswith(_COMPUTED) or name == _HEAD:  # of a tied head: the embeddings again
                continue
            raise UnsupportedError(
                f"`{file.name}` has the tensor `{name[:100]}`, which is not supported"
            )
        if tensor.dtype not in DTYPES:
            raise UnsupportedTensorTypeError(name, tensor.dtype, DTYPES)
