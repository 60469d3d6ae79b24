"""Llama models in transformers, with weights out of a GGUF file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stackc.models.decoders import gguf_decoder
from stackc.models.decoders.decoder_config import DecoderConfig
from stackc.models.formats import ggml
from stackc.models.formats.gguf import GgufFile
from stackc.models.graphs import quantization
from transformers import LlamaConfig, LlamaForCausalLM

_PARTS = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_OUTSIDE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}


def load_reference(path: Path, **rope: Any) -> LlamaForCausalLM:
    """The model of a GGUF file in float32; `rope` is added to transformers' rope parameters."""
    with GgufFile(path, name=path.name) as file:
        config = gguf_decoder.read_config(file)
        theta = file.metadata.get("llama.rope.freq_base", 10000.0)
        model = LlamaForCausalLM(_config(config, theta, rope)).eval()
        weights = {
            _name(name): torch.from_numpy(np.array(_original(name, config, file)))
            for name in file.tensors
            if name != "rope_freqs.weight"
        }
    if config.tied:
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    model.load_state_dict(weights)
    return model


def _config(config: DecoderConfig, theta: float, rope: dict[str, Any]) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=config.vocab_size,
        hidden_size=config.hidden_size,
        intermediate_size=config.feed_forward_size,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.kv_heads,
        head_dim=config.head_dim,
        rms_norm_eps=config.norm_epsilon,
        max_position_embeddings=config.context_length,
        tie_word_embeddings=config.tied,
        rope_parameters={"rope_type": "default", "rope_theta": theta, **rope},
    )


def _name(tensor: str) -> str:
    first, *rest = tensor.removesuffix(".weight").split(".")
    if first != "blk":
        return f"{_OUTSIDE[first]}.weight"
    return f"model.layers.{rest[0]}.{_PARTS[rest[1]]}.weight"


def _original(name: str, config: DecoderConfig, file: GgufFile) -> quantization.Floats:
    """The tensor as it was published: GGUF interleaves the halves of query and key heads."""
    values = ggml.floats(file, file.tensors[name])
    heads = {"attn_q": config.heads, "attn_k": config.kv_heads}.get(name.split(".")[-2])
    if heads is None:
        return values
    pairs = values.reshape(heads, config.head_dim // 2, 2, -1)
    return pairs.swapaxes(1, 2).reshape(values.shape)


def reference_logits(model: Callable[..., Any], ids: list[int]) -> quantization.Floats:
    """The logits [len(ids), vocab] of a text."""
    with torch.no_grad():
        logits: quantization.Floats = model(torch.tensor([ids])).logits[0].numpy()
    return logits
