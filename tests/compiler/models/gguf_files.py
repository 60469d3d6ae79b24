"""Writes GGUF files for tests: any metadata, any supported type, and small random Llama models."""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

TYPES = {
    "F32": 0,
    "F16": 1,
    "Q4_0": 2,
    "Q4_1": 3,
    "Q5_0": 6,
    "Q5_1": 7,
    "Q8_0": 8,
    "Q4_K": 12,
    "Q5_K": 13,
    "Q6_K": 14,
    "BF16": 30,
}
ALIGNMENT = 32


def write_gguf(
    path: Path,
    metadata: Mapping[str, Any],
    tensors: Mapping[str, Array] | None = None,
    types: Mapping[str, str] | None = None,
) -> Path:
    """Writes float32 tensors in the ggml types that `types` names (F32 where it does not)."""
    tensors, types = tensors or {}, types or {}
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    head += b"".join(_string(key) + _value(value) for key, value in metadata.items())
    data = b""
    for name, values in tensors.items():
        kind = types.get(name, "F32")
        dimensions = tuple(reversed(values.shape))
        head += _string(name) + struct.pack("<I", len(dimensions))
        head += struct.pack(f"<{len(dimensions)}QIQ", *dimensions, TYPES[kind], len(data))
        data += _padded(encode(values, kind))
    path.write_bytes(_padded(head) + data)
    return path


def encode(values: Array, kind: str) -> bytes:
    """The bytes of float32 values in a ggml type, rounded to it in the simplest way."""
    if kind == "F32":
        return values.astype("<f4").tobytes()
    if kind == "F16":
        return values.astype("<f2").tobytes()
    if kind == "BF16":
        return (values.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
    if kind in K_QUANTS:
        return b"".join(map(K_QUANTS[kind], values.reshape(-1, 256)))
    blocks = values.reshape(-1, 32)
    return b"".join(_encode_block(block, kind) for block in blocks)


def _encode_q4_k(block: Array) -> bytes:
    head, codes = _with_minima(block, 15)
    return head + _pairs_of_nibbles(codes & 15)


def _encode_q5_k(block: Array) -> bytes:
    head, codes = _with_minima(block, 31)
    high = sum((codes[part] >> 4) << part for part in range(8)).astype(np.uint8)
    return head + high.tobytes() + _pairs_of_nibbles(codes & 15)


def _with_minima(block: Array, top: int) -> tuple[bytes, NDArray[np.int64]]:
    """The first 16 bytes of a Q4_K or Q5_K block, and the codes [8, 32] of its sub-blocks."""
    parts = block.reshape(8, 32)
    lows = np.maximum(-parts.min(axis=1), 0)
    steps = (parts.max(axis=1) + lows) / top
    unit, low_unit = steps.max() / 63 or 1.0, lows.max() / 63 or 1.0
    scales, minima = np.rint(steps / unit).astype(int), np.rint(lows / low_unit).astype(int)
    safe = np.where(scales > 0, scales * unit, 1)[:, None]
    codes = np.rint((parts + (minima * low_unit)[:, None]) / safe)
    packed = [*(scales[:4] | (scales[4:] >> 4) << 6), *(minima[:4] | (minima[4:] >> 4) << 6)]
    packed += [
        low & 15 | (high & 15) << 4 for low, high in zip(scales[4:], minima[4:], strict=True)
    ]
    head = struct.pack("<ee12B", unit, low_unit, *packed)
    return head, np.clip(codes, 0, top).astype(np.int64)


def _pairs_of_nibbles(codes: NDArray[np.int64]) -> bytes:
    packed: bytes = (codes[0::2] | codes[1::2] << 4).astype(np.uint8).tobytes()
    return packed


def _encode_q6_k(block: Array) -> bytes:
    parts = block.reshape(16, 16)
    steps = np.abs(parts).max(axis=1) / 31
    unit = steps.max() / 127 or 1.0
    scales = np.rint(steps / unit).astype(np.int8)
    safe = np.where(scales > 0, scales * unit, 1)[:, None]
    codes = (np.clip(np.rint(parts / safe), -32, 31) + 32).astype(np.uint8).reshape(2, 4, 32)
    low = codes[:, :2] & 15 | (codes[:, 2:] & 15) << 4
    high = sum((codes[:, part] >> 4) << (2 * part) for part in range(4)).astype(np.uint8)
    return low.tobytes() + high.tobytes() + scales.tobytes() + struct.pack("<e", unit)


K_QUANTS = {"Q4_K": _encode_q4_k, "Q5_K": _encode_q5_k, "Q6_K": _encode_q6_k}


def _encode_block(block: Array, kind: str) -> bytes:
    if kind in ("Q5_0", "Q5_1"):
        return _encode_five_bits(block, kind)
    if kind == "Q8_0":
        step = float(np.abs(block).max()) / 127
        codes = np.rint(block / step if step else block * 0).astype(np.int8)
        return struct.pack("<e", step) + codes.tobytes()
    if kind == "Q4_0":
        step = float(block[np.abs(block).argmax()]) / -8
        codes = np.clip(np.floor(block / step + 8.5) if step else block * 0 + 8, 0, 15)
        return struct.pack("<e", step) + _nibbles(codes)
    low, step = float(block.min()), float(block.max() - block.min()) / 15
    codes = np.clip(np.floor((block - low) / step + 0.5) if step else block * 0, 0, 15)
    return struct.pack("<ee", step, low) + _nibbles(codes)


def _encode_five_bits(block: Array, kind: str) -> bytes:
    if kind == "Q5_0":
        step = float(block[np.abs(block).argmax()]) / -16
        codes, head = block / step + 16 if step else block * 0 + 16, struct.pack("<e", step)
    else:
        low, step = float(block.min()), float(block.max() - block.min()) / 31
        codes, head = (block - low) / (step or 1), struct.pack("<ee", step, low)
    quants = np.clip(np.rint(codes), 0, 31).astype(np.uint8)
    return head + np.packbits(quants >> 4, bitorder="little").tobytes() + _nibbles(quants & 15)


def _nibbles(codes: Array) -> bytes:
    quants = codes.astype(np.uint8)
    packed: bytes = (quants[:16] | (quants[16:] << 4)).tobytes()
    return packed


def llama_metadata(**overrides: Any) -> dict[str, Any]:
    """The metadata of a small Llama model; a key with `__` for `.`, None leaves an entry out."""
    metadata = {
        "general.architecture": "llama",
        "llama.block_count": 2,
        "llama.context_length": 64,
        "llama.embedding_length": 64,
        "llama.feed_forward_length": 96,
        "llama.attention.head_count": 4,
        "llama.attention.head_count_kv": 2,
        "llama.rope.freq_base": 10000.0,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        **byte_vocabulary(),
    }
    for key, value in overrides.items():
        metadata[key.replace("__", ".")] = value
    return {key: value for key, value in metadata.items() if value is not None}


def byte_vocabulary() -> dict[str, Any]:
    """A GPT-2 vocabulary of all bytes, one merge, and two control tokens."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    tokens = [chr(byte) for byte in printable] + [chr(256 + i) for i in range(len(others))]
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.tokens": [*tokens, "he", "<s>", "</s>"],
        "tokenizer.ggml.token_type": [1] * 257 + [3, 3],
        "tokenizer.ggml.merges": ["h e"],
        "tokenizer.ggml.bos_token_id": 257,
        "tokenizer.ggml.eos_token_id": 258,
        "tokenizer.chat_template": "{% for m in messages %}{{ m.role }}: {{ m.content }}{% endfor %}",
    }


def llama_tensors(metadata: Mapping[str, Any], *, tied: bool, seed: int = 0) -> dict[str, Array]:
    """Random weights, as large as those of trained models, for the model of the metadata."""
    random = np.random.default_rng(seed)
    hidden = metadata["llama.embedding_length"]
    inner = metadata["llama.feed_forward_length"]
    heads = metadata["llama.attention.head_count"]
    head_dim = metadata.get("llama.attention.key_length", hidden // heads)
    keys = metadata["llama.attention.head_count_kv"] * head_dim
    vocab = len(metadata["tokenizer.ggml.tokens"])

    def matrix(rows: int, columns: int) -> Array:
        return random.normal(0, columns**-0.5, (rows, columns)).astype(np.float32)

    def norm() -> Array:
        return random.uniform(0.5, 1.5, hidden).astype(np.float32)

    tensors = {"token_embd.weight": matrix(vocab, hidden), "output_norm.weight": norm()}
    if not tied:
        tensors["output.weight"] = matrix(vocab, hidden)
    for layer in range(metadata["llama.block_count"]):
        tensors |= {
            f"blk.{layer}.attn_norm.weight": norm(),
            f"blk.{layer}.attn_q.weight": matrix(heads * head_dim, hidden),
            f"blk.{layer}.attn_k.weight": matrix(keys, hidden),
            f"blk.{layer}.attn_v.weight": matrix(keys, hidden),
            f"blk.{layer}.attn_output.weight": matrix(hidden, heads * head_dim),
            f"blk.{layer}.ffn_norm.weight": norm(),
            f"blk.{layer}.ffn_gate.weight": matrix(inner, hidden),
            f"blk.{layer}.ffn_up.weight": matrix(inner, hidden),
            f"blk.{layer}.ffn_down.weight": matrix(hidden, inner),
        }
    return tensors


def write_llama(
    path: Path, *, tied: bool = True, kind: str = "F32", seed: int = 0, **overrides: Any
) -> Path:
    """Writes a small random Llama model, its matrices in the ggml type `kind`."""
    metadata = llama_metadata(**overrides)
    tensors = llama_tensors(metadata, tied=tied, seed=seed)
    types = {name: kind for name, values in tensors.items() if values.ndim == 2}
    return write_gguf(path, metadata, tensors, types)


def _value(value: Any) -> bytes:
    match value:
        case bool():
            return struct.pack("<I?", 7, value)
        case int():
            return struct.pack("<II", 4, value) if 0 <= value < 1 << 32 else _wide(value)
        case float():
            return struct.pack("<If", 6, value)
        case str():
            return struct.pack("<I", 8) + _string(value)
        case Sequence():
            return struct.pack("<I", 9) + _array(value)
    raise TypeError(type(value))


def _wide(value: int) -> bytes:
    return struct.pack("<Iq", 11, value)


def _array(values: Sequence[Any]) -> bytes:
    count = struct.pack("<Q", len(values))
    if isinstance(values[0], str):
        return struct.pack("<I", 8) + count + b"".join(map(_string, values))
    if isinstance(values[0], float):
        return struct.pack("<I", 6) + count + struct.pack(f"<{len(values)}f", *values)
    return struct.pack("<I", 5) + count + struct.pack(f"<{len(values)}i", *values)


def _string(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % ALIGNMENT)
