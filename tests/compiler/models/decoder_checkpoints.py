"""Small random decoders of transformers, saved as it saves them and as GGUF files."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from .conftest import Files
from .gguf_files import Array, byte_vocabulary, write_gguf

CLASSES: Mapping[str, tuple[Any, Any]] = {
    "llama": (LlamaConfig, LlamaForCausalLM),
    "mistral": (MistralConfig, MistralForCausalLM),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM),
}
VOCABULARY = byte_vocabulary()
TOKENS: list[str] = VOCABULARY["tokenizer.ggml.tokens"]
BOS, EOS = 257, 258
TEMPLATE = "{{ bos_token }}{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}"

_PARTS = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_OUTSIDE = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
}


def random_decoder(family: str, **options: Any) -> Any:
    """A model of transformers whose weights, biases and norms are all random."""
    make_config, make_model = CLASSES[family]
    sizes = {
        "vocab_size": len(TOKENS) + 5,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "max_position_embeddings": 128,
        "bos_token_id": BOS,
        "eos_token_id": EOS,
        "tie_word_embeddings": False,
    }
    model = make_model(make_config(**(sizes | options))).eval()
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, values in model.named_parameters():
            if "norm" in name:
                values.uniform_(0.5, 1.5, generator=random)
            else:
                values.normal_(0, values.shape[-1] ** -0.5, generator=random)
    return model


def save_folder(model: Any, folder: Path, **options: Any) -> Files:
    """Saves the model with a byte-level tokenizer; `options` are those of transformers."""
    model.save_pretrained(folder, **options)
    write_json(folder / "tokenizer.json", tokenizer_json())
    settings = {
        "bos_token": TOKENS[BOS],
        "eos_token": {"__type": "AddedToken", "content": TOKENS[EOS], "special": True},
        "chat_template": TEMPLATE,
    }
    write_json(folder / "tokenizer_config.json", settings)
    return files_of(folder)


def files_of(folder: Path) -> Files:
    return {path.name: path for path in sorted(folder.iterdir())}


def write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content))


def tokenizer_json() -> dict[str, Any]:
    step = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    added = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    begin = [{"SpecialToken": {"id": TOKENS[BOS], "type_id": 0}}]
    return {
        "version": "1.0",
        "truncation": {
            "direction": "Right",
            "max_length": 8,
            "strategy": "LongestFirst",
            "stride": 0,
        },
        "padding": None,
        "added_tokens": [
            {"id": index, "content": TOKENS[index], "special": True, **added}
            for index in (BOS, EOS)
        ],
        "normalizer": None,
        "pre_tokenizer": step,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [*begin, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [*begin, {"Sequence": {"id": "A", "type_id": 0}}],
            "special_tokens": {
                TOKENS[BOS]: {"id": TOKENS[BOS], "ids": [BOS], "tokens": [TOKENS[BOS]]}
            },
        },
        "decoder": step,
        "model": {
            "type": "BPE",
            "vocab": {text: index for index, text in enumerate(TOKENS[:BOS])},
            "merges": [["h", "e"]],
        },
    }


def save_gguf(model: Any, path: Path, kind: str = "F32", **metadata: Any) -> Files:
    """Writes the model as the converters of llama.cpp do, its matrices in the ggml type `kind`."""
    config = model.config
    name = {"mistral": "llama"}.get(config.model_type, config.model_type)
    entries = {
        "block_count": config.num_hidden_layers,
        "context_length": config.max_position_embeddings,
        "embedding_length": config.hidden_size,
        "feed_forward_length": config.intermediate_size,
        "attention.head_count": config.num_attention_heads,
        "attention.head_count_kv": config.num_key_value_heads,
        "attention.key_length": config.head_dim,
        "attention.value_length": config.head_dim,
        "attention.layer_norm_rms_epsilon": config.rms_norm_eps,
        "rope.freq_base": config.rope_parameters["rope_theta"],
        **metadata,
    }
    tensors = {
        _gguf_name(each): _gguf_order(each, values.numpy(), config, name == "llama")
        for each, values in model.state_dict().items()
        if not (each == "lm_head.weight" and config.tie_word_embeddings)
    }
    named = {f"{name}.{key}": value for key, value in entries.items()}
    whole = {"general.architecture": name, **named, **VOCABULARY}
    types = {each: kind for each, values in tensors.items() if values.ndim == 2}
    return {path.name: write_gguf(path, whole, tensors, types)}


def _gguf_name(name: str) -> str:
    path, _, suffix = name.rpartition(".")
    if path in _OUTSIDE:
        return f"{_OUTSIDE[path]}.{suffix}"
    _, _, layer, part = path.split(".", 3)
    return f"blk.{layer}.{_PARTS[part]}.{suffix}"


def _gguf_order(name: str, values: Array, config: Any, interleaved: bool) -> Array:
    """Files of Llama alternate rows of the two halves of each query and key head."""
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    count = heads.get(name.split(".")[-2])
    if count is None or not interleaved:
        return values
    halves = values.reshape(count, 2, config.head_dim // 2, -1)
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(values.shape))
