"""Number formats against the arithmetic that ggml documents for them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from stackc.models import quantization
from stackc.models.gguf import GgufFile
from stackc.models.quantization import Blocks

from .gguf_files import encode, write_gguf

Floats = NDArray[np.float32]

RANDOM = np.random.default_rng(1).normal(0, 1, (6, 96)).astype(np.float32)
RANDOM[2] = 0
RANDOM[3] += 40  # blocks whose values are all positive, far from zero
RANDOM[4, 32:64] = 7.25  # a constant block
KINDS = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1"]


def load(folder: Path, kind: str) -> tuple[Floats, Blocks]:
    path = write_gguf(folder / "t.gguf", {}, {"t": RANDOM}, {"t": kind})
    with GgufFile(path, name="t.gguf") as file:
        info = file.tensors["t"]
        floats = quantization.floats(file, info).copy()
        return floats, quantization.blocks(file, info)


def by_hand(kind: str) -> Floats:
    """Each number out of the bytes of its block, one at a time."""
    raw, values = encode(RANDOM, kind), []
    size = {"Q8_0": 34, "Q4_0": 18, "Q4_1": 20}[kind]
    for start in range(0, len(raw), size):
        block = raw[start : start + size]
        step = float(np.frombuffer(block, "<f2", 1)[0])
        for index in range(32):
            if kind == "Q8_0":
                values.append(step * (block[2 + index] ^ 128) - step * 128)
                continue
            packed = block[size - 16 + index % 16]
            quant = packed & 15 if index < 16 else packed >> 4
            low = float(np.frombuffer(block, "<f2", 1, 2)[0]) if kind == "Q4_1" else -8 * step
            values.append(step * quant + low)
    return np.array(values, np.float32).reshape(RANDOM.shape)


@pytest.mark.parametrize("kind", ["Q8_0", "Q4_0", "Q4_1"])
def test_floats_of_quantised_types(tmp_path: Path, kind: str) -> None:
    floats, _ = load(tmp_path, kind)
    np.testing.assert_allclose(floats, by_hand(kind), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("kind", "error"), [("F32", 0), ("F16", 0.02), ("BF16", 0.25)])
def test_floats_of_plain_types(tmp_path: Path, kind: str, error: float) -> None:
    floats, _ = load(tmp_path, kind)
    assert np.abs(floats - RANDOM).max() <= error


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_stay_close(tmp_path: Path, kind: str) -> None:
    floats, blocks = load(tmp_path, kind)
    error = np.abs(blocks.to_float() - floats).reshape(6, 3, 32).max(axis=2)
    if kind in ("Q8_0", "Q4_0"):
        assert error.max() == 0
    largest = np.abs(floats).reshape(6, 3, 32).max(axis=2)
    steps = np.maximum(largest / 127, np.ptp(floats.reshape(6, 3, 32), axis=2) / 15 / 16)
    assert (error <= 0.51 * steps + 1e-6).all()


@settings(max_examples=50)
@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=32, max_size=32))
def test_rounding_is_to_the_nearest_step(values: list[float]) -> None:
    row = np.array([values], np.float32)
    blocks = quantization.quantize(row)
    assert np.abs(blocks.to_float() - row).max() <= np.abs(row).max() / 254 * 1.001
    assert blocks.codes.min() >= 1  # symmetric: -127 to 127 around 128


def test_rows_of_parts_with_and_without_zero_points(tmp_path: Path) -> None:
    _, exact = load(tmp_path, "Q8_0")
    _, shifted = load(tmp_path, "Q4_1")
    both = quantization.stack([exact, shifted])
    want = np.concatenate([exact.to_float(), shifted.to_float()])
    np.testing.assert_array_equal(both.to_float(), want)
