"""Number formats against the arithmetic that ggml documents for them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from stackc.models.formats import ggml
from stackc.models.formats.gguf import GgufFile
from stackc.models.graphs import quantization
from stackc.models.graphs.quantization import Blocks

from .gguf_files import TYPES, encode, write_gguf

Floats = NDArray[np.float32]

RANDOM = np.random.default_rng(1).normal(0, 1, (6, 512)).astype(np.float32)
RANDOM[2] = 0
RANDOM[3] += 40  # blocks whose values are all positive, far from zero
RANDOM[4, 32:64] = 7.25  # a constant block
KINDS = list(TYPES)
SIZES = {"Q4_0": 18, "Q4_1": 20, "Q5_0": 22, "Q5_1": 24, "Q8_0": 34}
K_SIZES = {"Q4_K": 144, "Q5_K": 176, "Q6_K": 210}
EXACT = ("Q4_0", "Q5_0", "Q6_K", "Q8_0")


def load(folder: Path, kind: str) -> tuple[Floats, Blocks]:
    path = write_gguf(folder / "t.gguf", {}, {"t": RANDOM}, {"t": kind})
    with GgufFile(path, name="t.gguf") as file:
        info = file.tensors["t"]
        floats = ggml.floats(file, info).copy()
        return floats, ggml.blocks(file, info)


def half(block: bytes, start: int) -> float:
    return float(np.frombuffer(block, "<f2", 1, start)[0])


def number(kind: str, block: bytes, index: int) -> float:
    """One number out of the bytes of its block of 32."""
    step = half(block, 0)
    if kind == "Q8_0":
        return step * ((block[2 + index] ^ 128) - 128)
    packed = block[-16 + index % 16]
    quant = packed & 15 if index < 16 else packed >> 4
    if kind in ("Q5_0", "Q5_1"):
        quant += (int.from_bytes(block[-20:-16], "little") >> index & 1) << 4
    middle = {"Q4_0": 8, "Q5_0": 16}.get(kind)
    return step * quant + half(block, 2) if middle is None else step * (quant - middle)


def k_number(kind: str, block: bytes, index: int) -> float:
    """One number out of the bytes of its block of 256."""
    if kind == "Q6_K":
        side, place = divmod(index, 128)
        low = block[64 * side + place % 64] >> (4 if place >= 64 else 0) & 15
        high = block[128 + 32 * side + place % 32] >> (place // 32 * 2) & 3
        scale = (block[192 + index // 16] ^ 128) - 128
        return half(block, 208) * scale * ((low | high << 4) - 32)
    part, place = divmod(index, 32)
    packed = block[4:16]
    if part < 4:
        scale, low = packed[part] & 63, packed[part + 4] & 63
    else:
        scale = packed[part + 4] & 15 | packed[part - 4] >> 6 << 4
        low = packed[part + 4] >> 4 | packed[part] >> 6 << 4
    quant = block[-128 + part // 2 * 32 + place] >> (part % 2 * 4) & 15
    if kind == "Q5_K":
        quant |= (block[16 + place] >> part & 1) << 4
    return half(block, 0) * scale * quant - half(block, 2) * low


def by_hand(kind: str, raw: bytes) -> Floats:
    """Each number out of the bytes of its block, one at a time."""
    size, one, count = (
        (K_SIZES[kind], k_number, 256) if kind in K_SIZES else (SIZES[kind], number, 32)
    )
    starts = range(0, len(raw), size)
    values = [one(kind, raw[start : start + size], i) for start in starts for i in range(count)]
    return np.array(values, np.float32)


@pytest.mark.parametrize("kind", [*SIZES, *K_SIZES])
def test_floats_of_quantised_types(tmp_path: Path, kind: str) -> None:
    floats, _ = load(tmp_path, kind)
    want = by_hand(kind, encode(RANDOM, kind)).reshape(RANDOM.shape)
    np.testing.assert_allclose(floats, want, rtol=1e-6, atol=1e-5)
    coarsest = 40 / 7 if kind.startswith("Q4_") else 40 / 15
    assert np.abs(floats - RANDOM).max() < coarsest  # what was written is what is read


@pytest.mark.parametrize("kind", [*SIZES, *K_SIZES])
def test_any_bytes(tmp_path: Path, kind: str) -> None:
    """Every pattern of scales and codes, with factors that are finite."""
    size, count = {**SIZES, **K_SIZES}[kind], 256 if kind in K_SIZES else 32
    raw = np.random.default_rng(2).integers(0, 256, (8, size), np.uint8)
    for start in (208,) if kind == "Q6_K" else (0, 2):
        raw[:, start + 1] &= 0x3F  # the exponent of a number below 2
    path = write_gguf(tmp_path / "t.gguf", {}, {"t": np.zeros((8, count), np.float32)}, {"t": kind})
    path.write_bytes(path.read_bytes()[: -(-8 * size // 32) * -32] + raw.tobytes())
    with GgufFile(path, name="t.gguf") as file:
        floats = ggml.floats(file, file.tensors["t"]).copy()
        blocks = ggml.blocks(file, file.tensors["t"]).to_float()
    np.testing.assert_allclose(floats.ravel(), by_hand(kind, raw.tobytes()), rtol=1e-5, atol=1e-4)
    if kind in EXACT:
        np.testing.assert_array_equal(blocks, floats)


@pytest.mark.parametrize(("kind", "error"), [("F32", 0), ("F16", 0.02), ("BF16", 0.25)])
def test_floats_of_plain_types(tmp_path: Path, kind: str, error: float) -> None:
    floats, _ = load(tmp_path, kind)
    assert np.abs(floats - RANDOM).max() <= error


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_stay_close(tmp_path: Path, kind: str) -> None:
    floats, blocks = load(tmp_path, kind)
    error = np.abs(blocks.to_float() - floats).reshape(6, -1, 32).max(axis=2)
    if kind in EXACT:
        assert error.max() == 0
    grouped = floats.reshape(6, -1, 32)
    steps = np.maximum(np.abs(grouped).max(axis=2) / 127, np.ptp(grouped, axis=2) / 15 / 16)
    assert (error <= 0.51 * steps + 1e-6).all()


@settings(max_examples=50)
@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=32, max_size=32))
@example([0.0] * 31 + [1.401298464324817e-45])
@example([300 * 1.401298464324817e-45] + [0.0] * 31)
def test_rounding_is_to_the_nearest_step(values: list[float]) -> None:
    row = np.array([values], np.float32)
    blocks = quantization.quantize(row)
    half_a_step = np.abs(row).max() / 254 * 1.001
    smallest = 127 * np.finfo(np.float32).tiny  # a block of smaller numbers is one of zeros
    assert np.abs(blocks.to_float() - row).max() <= half_a_step + smallest
    assert blocks.codes.min() >= 1  # symmetric: -127 to 127 around 128


def test_rows_of_parts_with_and_without_zero_points(tmp_path: Path) -> None:
    _, exact = load(tmp_path, "Q8_0")
    _, shifted = load(tmp_path, "Q4_1")
    both = quantization.stack([exact, shifted])
    want = np.concatenate([exact.to_float(), shifted.to_float()])
    np.testing.assert_array_equal(both.to_float(), want)


@pytest.mark.parametrize("kind", ["Q4_0", "Q4_1", "Q6_K"])
def test_narrower_blocks_hold_the_same(tmp_path: Path, kind: str) -> None:
    _, blocks = load(tmp_path, kind)
    narrow = blocks.split(16)
    assert narrow.codes.shape == (6, 32, 16)
    np.testing.assert_array_equal(narrow.to_float(), blocks.to_float())
