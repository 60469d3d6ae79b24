"""Compiled decoders against transformers with the same weights."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from stackc.models.compile import ModelOptions, compile_model
from stackc.models.errors import (
    CorruptFileError,
    InvalidOptionError,
    UnsupportedArchitectureError,
    UnsupportedError,
    UnsupportedTensorTypeError,
)
from stackc.models.facts import facts_of
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from .conftest import Files, quiet
from .gguf_files import llama_metadata, llama_tensors, write_gguf, write_llama
from .llama_reference import load_reference, reference_logits
from .onnx_decoder import OnnxDecoder

QUESTIONS = [
    "What is the capital of France?",
    "Write a haiku about rain.",
    "Why is the sky blue?",
    "Count from one to ten.",
    "Translate `good morning` to Spanish.",
    "Who wrote Hamlet?",
    "Explain gravity to a child.",
    "Name three prime numbers.",
    "def fibonacci(n):",
    "Schreibe einen Satz auf Deutsch.",
]
TEXT = """The Apache Software Foundation provides support for a wide range of projects. Rain fell on
the roof all night, and in the morning the streets were full of puddles in which the children jumped.
A compiler reads a program in one language and writes it in another. Water boils at one hundred
degrees Celsius at sea level, and at a lower temperature in the mountains, where the air is thin."""


@pytest.fixture(scope="module")
def tokenizer(smollm2_int8: Path) -> Tokenizer:
    return Tokenizer.from_file(str(smollm2_int8 / "tokenizer.json"))


@pytest.fixture(scope="module")
def reference(smollm2: Files) -> LlamaForCausalLM:
    return load_reference(next(iter(smollm2.values())))


def log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    return torch.log_softmax(torch.from_numpy(logits).double(), -1).numpy()


def perplexity(log_probabilities: NDArray[np.float64], ids: list[int]) -> float:
    chosen = log_probabilities[np.arange(len(ids) - 1), ids[1:]]
    return float(np.exp(-chosen.mean()))


def test_fp32_continues_as_the_reference(
    fp32_decoder: OnnxDecoder, reference: LlamaForCausalLM, tokenizer: Tokenizer
) -> None:
    for question in QUESTIONS:
        prompt = f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
        ids = tokenizer.encode(prompt).ids
        got = fp32_decoder.greedy(ids, 12)
        logits = reference_logits(reference, ids + got[:-1])
        want = logits[len(ids) - 1 :].argmax(axis=1).tolist()
        assert got == want, question


def test_quality(
    fp32_decoder: OnnxDecoder,
    int8_decoder: OnnxDecoder,
    reference: LlamaForCausalLM,
    tokenizer: Tokenizer,
) -> None:
    ids = tokenizer.encode(TEXT).ids
    exact = log_softmax(reference_logits(reference, ids))
    fp32 = log_softmax(fp32_decoder.logits(ids))
    int8 = log_softmax(int8_decoder.logits(ids))
    assert np.abs(fp32 - exact).max() < 1e-3
    divergence = (np.exp(exact) * (exact - int8)).sum(axis=1).mean()
    assert 0 < divergence < 0.01
    assert perplexity(int8, ids) == pytest.approx(perplexity(exact, ids), rel=0.02)


def test_prompt_in_chunks_is_the_same(int8_decoder: OnnxDecoder, tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode(TEXT).ids
    int8_decoder.position = 0
    whole = int8_decoder.step(ids)
    int8_decoder.position = 0
    int8_decoder.step(ids[:50])
    assert np.array_equal(int8_decoder.step(ids[50:]), whole)


def test_logits_are_those_of_the_chosen_positions(tmp_path: Path) -> None:
    decoder = compiled(write_llama(tmp_path / "model.gguf"), "fp32")
    decoder.position = 0
    every = decoder.run(IDS, range(len(IDS)))
    for chosen in ([9], [0, 4, 9], [7, 2], []):
        decoder.position = 0
        assert np.array_equal(decoder.run(IDS, chosen), every[chosen])
    assert np.abs(every - decoder.logits(IDS)).max() < 2e-5


def test_artifact_describes_itself(smollm2_int8: Path) -> None:
    assert sorted(path.name for path in smollm2_int8.iterdir()) == [
        "model.json",
        "model.onnx",
        "model.onnx.data",
        "tokenizer.json",
    ]
    assert json.loads((smollm2_int8 / "model.json").read_text()) == {
        "kind": "decoder",
        "architecture": "llama",
        "vocab_size": 49152,
        "context_length": 8192,
        "layers": 30,
        "kv_heads": 3,
        "head_dim": 64,
        "hidden_size": 576,
        "kv_dtype": "float32",
        "bos_token_id": 1,
        "eos_token_ids": [2, 0],
        "add_bos_token": False,
        "bos_token": "<|im_start|>",
        "eos_token": "<|im_end|>",
        "fim_prefix_id": None,
        "fim_suffix_id": None,
        "fim_middle_id": None,
        "quantization": "int8",
    }


def test_interface(smollm2_int8: Path) -> None:
    graph = onnx.load(smollm2_int8 / "model.onnx", load_external_data=False).graph

    def shapes(values: list[onnx.ValueInfoProto]) -> dict[str, list[object]]:
        return {
            value.name: [
                each.dim_param or each.dim_value for each in value.type.tensor_type.shape.dim
            ]
            for value in values
        }

    buffer = ["batch", 3, "max_length", 64]
    inputs, outputs = shapes(graph.input), shapes(graph.output)
    names = ["input_ids", "seqlens_k", "total_sequence_length", "logit_positions"]
    assert list(inputs)[:4] == names
    assert inputs["input_ids"] == ["batch", "sequence"]
    assert inputs["logit_positions"] == ["count"]
    assert inputs["seqlens_k"] == ["batch"]
    assert inputs["total_sequence_length"] == []
    assert inputs["past_key_values.29.value"] == outputs["present.29.value"] == buffer
    assert outputs["logits"] == ["count", 49152]
    assert len(inputs) == 64
    assert len(outputs) == 61


def compiled(path: Path, quantization: str, context_length: int | None = None) -> OnnxDecoder:
    options = ModelOptions(quantization, context_length)
    files = {path.name: path}
    return OnnxDecoder(compile_model("m", files, options, path.parent / "cache", quiet).folder)


IDS = [72, 101, 108, 3, 250, 17, 4, 88, 200, 5]


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("kind", ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1"])
def test_small_models(tmp_path: Path, kind: str, tied: bool) -> None:
    path = write_llama(tmp_path / "model.gguf", tied=tied, kind=kind)
    want = reference_logits(load_reference(path), IDS)
    assert np.abs(compiled(path, "fp32").logits(IDS) - want).max() < 2e-4
    # What is left in 8 bits is the rounding of activations: relative, all sizes being small.
    got = compiled(path, "int8").logits(IDS)
    assert np.linalg.norm(got - want) / np.linalg.norm(want) < 0.04


# As files that are called Q4_K_M mix them: what rounding hurts most gets more bits.
MIXED = {"attn_v": "Q6_K", "ffn_down": "Q6_K", "attn_output": "Q5_K", "token_embd": "Q6_K"}


@pytest.mark.parametrize("kind", ["Q4_K", "Q5_K", "Q6_K", "Q5_0", "Q5_1", "mixed"])
def test_k_quants(tmp_path: Path, kind: str) -> None:
    sizes = {"llama__embedding_length": 256, "llama__feed_forward_length": 256}
    metadata = llama_metadata(**sizes)
    tensors = llama_tensors(metadata, tied=True)
    types = {
        name: MIXED.get(name.split(".")[-2], "Q4_K") if kind == "mixed" else kind
        for name, values in tensors.items()
        if values.ndim == 2
    }
    path = write_gguf(tmp_path / "model.gguf", metadata, tensors, types)
    want = reference_logits(load_reference(path), IDS)
    assert np.abs(compiled(path, "fp32").logits(IDS) - want).max() < 2e-4
    got = compiled(path, "int8").logits(IDS)
    assert np.linalg.norm(got - want) / np.linalg.norm(want) < 0.04


SHAPES = {
    "multi-head": {"llama__attention__head_count_kv": 4},
    "multi-query": {"llama__attention__head_count_kv": 1},
    "wide heads": {"llama__attention__key_length": 32, "llama__attention__value_length": 32},
    "other theta": {"llama__rope__freq_base": 500000.0},
    "one layer": {"llama__block_count": 1},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(tmp_path: Path, shape: str) -> None:
    path = write_llama(tmp_path / "model.gguf", **SHAPES[shape])
    want = reference_logits(load_reference(path), IDS)
    assert np.abs(compiled(path, "fp32").logits(IDS) - want).max() < 2e-4


def test_linear_rope_scaling(tmp_path: Path) -> None:
    scaling = {"llama__rope__scaling__type": "linear", "llama__rope__scaling__factor": 4.0}
    path = write_llama(tmp_path / "model.gguf", **scaling)
    reference = load_reference(path, rope_type="linear", factor=4.0)
    want = reference_logits(reference, IDS)
    assert np.abs(compiled(path, "fp32").logits(IDS) - want).max() < 2e-4


def test_llama_3_rope_factors(tmp_path: Path) -> None:
    """Llama 3.1 stores, for each frequency, by how much it is divided."""
    scaling = {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 16,
    }
    metadata = llama_metadata()
    plain = write_gguf(tmp_path / "plain.gguf", metadata, llama_tensors(metadata, tied=True))
    reference = load_reference(plain, **scaling)
    frequencies = 10000.0 ** -(np.arange(0, 16, 2) / 16)
    factors = frequencies / reference.model.rotary_emb.inv_freq.numpy()
    assert factors.max() == pytest.approx(8)
    tensors = llama_tensors(metadata, tied=True) | {"rope_freqs.weight": factors.astype(np.float32)}
    path = write_gguf(tmp_path / "model.gguf", metadata, tensors)
    want = reference_logits(reference, IDS)
    assert np.abs(compiled(path, "fp32").logits(IDS) - want).max() < 2e-4


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_rope_factors_that_divide_nothing(tmp_path: Path, value: float) -> None:
    metadata = llama_metadata()
    factors = {"rope_freqs.weight": np.full(8, value, np.float32)}
    tensors = llama_tensors(metadata, tied=True) | factors
    path = write_gguf(tmp_path / "model.gguf", metadata, tensors)
    with pytest.raises(CorruptFileError, match=r"`rope_freqs.weight` holds what is no divisor"):
        facts_of({path.name: path})


def test_shorter_context(tmp_path: Path) -> None:
    path = write_llama(tmp_path / "model.gguf")
    short, whole = compiled(path, "int8", 16), compiled(path, "int8")
    assert short.description["context_length"] == 16
    assert whole.description["context_length"] == 64
    assert np.array_equal(short.logits(IDS), whole.logits(IDS))


@pytest.mark.parametrize("length", [0, -1, 65, 1 << 40])
def test_impossible_context(tmp_path: Path, length: int) -> None:
    path = write_llama(tmp_path / "model.gguf")
    with pytest.raises(InvalidOptionError, match=r"`context_length` of model `m`: .* 64"):
        compiled(path, "int8", length)


def test_unknown_quantization(tmp_path: Path) -> None:
    path = write_llama(tmp_path / "model.gguf")
    with pytest.raises(InvalidOptionError, match="`int3` is not one of int8, fp32"):
        compiled(path, "int3")


def test_rows_that_blocks_do_not_fit(tmp_path: Path) -> None:
    sizes = {"llama__feed_forward_length": 40}
    path = write_llama(tmp_path / "model.gguf", **sizes)
    want = reference_logits(load_reference(path), IDS)
    assert np.abs(compiled(path, "fp32").logits(IDS) - want).max() < 2e-4
    with pytest.raises(UnsupportedError, match=r"`blk.0.ffn_down.weight`.*fp32"):
        compiled(path, "int8")


def test_unsupported_architecture(tmp_path: Path) -> None:
    path = write_llama(tmp_path / "model.gguf", general__architecture="gemma3")
    with pytest.raises(UnsupportedArchitectureError) as caught:
        compiled(path, "int8")
    message = "architecture `gemma3` is not supported; supported: llama, qwen2, qwen3"
    assert str(caught.value) == message


UNSUPPORTED = {
    "llama.rope.scaling.type": ("longrope", "`longrope`"),
    "llama.expert_count": (8, "experts"),
    "llama.attention.key_length": (24, "heads of 24"),
    "llama.rope.dimension_count": (8, "part of the head"),
    "llama.attention.value_length": (8, "different lengths"),
    "tokenizer.ggml.pre": ("tekken", "`tekken`"),
    "tokenizer.ggml.model": ("t5", "`t5`"),
}


@pytest.mark.parametrize("key", UNSUPPORTED)
def test_unsupported_features_are_named(tmp_path: Path, key: str) -> None:
    value, named = UNSUPPORTED[key]
    path = write_llama(tmp_path / "model.gguf", **{key: value})
    for use in (facts_of, lambda files: compiled(path, "int8")):
        with pytest.raises(UnsupportedError, match=named):
            use({path.name: path})


WRONG = {
    "llama.block_count": 3,
    "llama.attention.head_count": 0,
    "llama.attention.head_count_kv": 3,
    "llama.embedding_length": 0xFFFFFFFF,
    "llama.feed_forward_length": 100,
    "llama.context_length": 0xFFFFFFFF,
    "llama.rope.freq_base": float("nan"),
    "llama.rope.scale_linear": 0.0,
    "llama.attention.key_length": 1 << 30,
    "llama.attention.sliding_window": -1,
    "llama.attention.layer_norm_rms_epsilon": None,
    "tokenizer.ggml.tokens": None,
    "tokenizer.ggml.bos_token_id": 99999,
    "tokenizer.ggml.merges": ["h x"],
    "tokenizer.ggml.token_type": [1],
}


@pytest.mark.parametrize("key", WRONG)
def test_wrong_metadata(tmp_path: Path, key: str) -> None:
    metadata = llama_metadata()
    tensors = llama_tensors(metadata, tied=True)
    changed = {name: value for name, value in metadata.items() if name != key}
    if WRONG[key] is not None:
        changed[key] = WRONG[key]
    path = write_gguf(tmp_path / "model.gguf", changed, tensors)
    with pytest.raises(CorruptFileError):
        compiled(path, "int8")


def test_a_tensor_more_is_not_ignored(tmp_path: Path) -> None:
    metadata = llama_metadata()
    bias = {"blk.0.attn_q.bias": np.ones(64, np.float32)}
    tensors = llama_tensors(metadata, tied=True) | bias
    path = write_gguf(tmp_path / "model.gguf", metadata, tensors)
    with pytest.raises(UnsupportedError, match=r"`blk.0.attn_q.bias`"):
        compiled(path, "int8")


def test_unsupported_tensor_type(tmp_path: Path) -> None:
    path = write_llama(tmp_path / "model.gguf")
    raw = path.read_bytes()
    name = b"blk.1.ffn_up.weight"
    at = raw.index(name) + len(name) + 4 + 16
    path.write_bytes(raw[:at] + (10).to_bytes(4, "little") + raw[at + 4 :])
    with pytest.raises(UnsupportedTensorTypeError) as caught:
        facts_of({path.name: path})
    assert caught.value.type_name == "Q2_K"
    assert "`blk.1.ffn_up.weight` has type Q2_K" in str(caught.value)


def test_values_that_are_no_numbers(tmp_path: Path) -> None:
    metadata = llama_metadata()
    tensors = llama_tensors(metadata, tied=True)
    tensors["blk.1.attn_v.weight"][3, 5] = np.inf
    path = write_gguf(tmp_path / "model.gguf", metadata, tensors)
    with pytest.raises(CorruptFileError, match=r"`blk.1.attn_v.weight` holds infinite"):
        compiled(path, "int8")
