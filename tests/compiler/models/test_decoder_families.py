"""Every family of decoders, out of every kind of file, against transformers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from stackc.models.compile import ModelOptions, compile_model
from stackc.models.facts import ModelFacts, facts_of

from .conftest import Files, quiet
from .decoder_checkpoints import random_decoder, save_folder, save_gguf
from .llama_reference import reference_logits
from .onnx_decoder import OnnxDecoder

IDS = [
    72,
    101,
    108,
    3,
    250,
    17,
    4,
    88,
    200,
    5,
    91,
    91,
    0,
    44,
    180,
    257,
    6,
    33,
    120,
    9,
    61,
    7,
    2,
    54,
]
LLAMA_3 = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
YARN = {
    "rope_type": "yarn",
    "rope_theta": 1000000.0,
    "factor": 4.0,
    "original_max_position_embeddings": 32,
}
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("llama", {}),
    "llama with llama3 rope": ("llama", {"rope_parameters": LLAMA_3, "tie_word_embeddings": True}),
    "llama with linear rope": (
        "llama",
        {"rope_parameters": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}},
    ),
    "multi-head llama": ("llama", {"num_key_value_heads": 4}),
    "mistral": ("mistral", {"sliding_window": 8, "num_key_value_heads": 1}),
    "mistral without a window": ("mistral", {"sliding_window": None}),
    "qwen2": ("qwen2", {"tie_word_embeddings": True}),
    "qwen2 with yarn": ("qwen2", {"rope_parameters": YARN}),
    "qwen2 with a window in one layer": (
        "qwen2",
        {"use_sliding_window": True, "sliding_window": 6, "max_window_layers": 1},
    ),
    "qwen3": ("qwen3", {"head_dim": 32}),
    "tied qwen3": ("qwen3", {"tie_word_embeddings": True, "num_key_value_heads": 1}),
}


def compiled(files: Files, quantization: str = "fp32") -> OnnxDecoder:
    cache = next(iter(files.values())).parent.parent / "cache"
    options = ModelOptions(quantization)
    return OnnxDecoder(compile_model("m", files, options, cache, quiet).folder)


def check(decoder: OnnxDecoder, want: NDArray[np.float32]) -> None:
    """All of the prompt at once, and token by token."""
    decoder.position = 0
    assert np.abs(decoder.run(IDS, range(len(IDS))) - want).max() < 1e-4
    assert np.abs(decoder.logits(IDS) - want).max() < 1e-4


@pytest.mark.parametrize("name", MODELS)
def test_folders(tmp_path: Path, name: str) -> None:
    family, options = MODELS[name]
    model = random_decoder(family, **options)
    files = save_folder(model, tmp_path / "model")
    want = reference_logits(model, IDS)
    check(compiled(files), want)
    got = compiled(files, "int8").logits(IDS)
    assert np.linalg.norm(got - want) / np.linalg.norm(want) < 0.04
    assert facts_of(files) == ModelFacts(
        kind="decoder",
        architecture=family,
        context_length=128,
        embedding_dimension=None,
        parameters=model.num_parameters(),
        layers=2,
        hidden_size=64,
        vocab_size=264,
        kv_heads=model.config.num_key_value_heads,
        head_dim=model.config.head_dim,
    )


@pytest.mark.parametrize("name", ["mistral", "qwen2", "qwen3"])
def test_batches(tmp_path: Path, name: str) -> None:
    """Rows of different lengths get what each gets alone."""
    family, options = MODELS[name]
    decoder = compiled(save_folder(random_decoder(family, **options), tmp_path / "model"), "int8")
    caches, want = [], []
    for length in (3, 20, 11):
        decoder.position = 0
        decoder.step(IDS[:length])
        caches.append(decoder.cache())
        want.append(decoder.step([IDS[length]]))
    got = decoder.together(caches, [IDS[length] for length in (3, 20, 11)], [3, 20, 11])
    assert np.array_equal(got, np.stack(want))


GGUF: dict[str, dict[str, Any]] = {
    "llama": {},
    "llama with linear rope": {"rope.scaling.type": "linear", "rope.scaling.factor": 4.0},
    "multi-head llama": {},
    "mistral": {"attention.sliding_window": 8},
    "mistral without a window": {"attention.sliding_window": 0},
    "qwen2": {},
    "qwen2 with yarn": {
        "rope.scaling.type": "yarn",
        "rope.scaling.factor": 4.0,
        "rope.scaling.original_context_length": 32,
    },
    "qwen3": {},
    "tied qwen3": {},
}


@pytest.mark.parametrize("name", GGUF)
def test_gguf_files(tmp_path: Path, name: str) -> None:
    family, options = MODELS[name]
    model = random_decoder(family, **options)
    (tmp_path / "model").mkdir()
    files = save_gguf(model, tmp_path / "model" / "model.gguf", **GGUF[name])
    check(compiled(files), reference_logits(model, IDS))
