"""The number formats of compiled models: files half and a quarter as large, and CUDA's float16."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from stackc.models.compile import ModelOptions, compile_model
from stackc.models.errors import InvalidOptionError, UnsupportedError
from stackc.models.facts import Device
from stackc.models.formats import ggml
from stackc.models.formats.gguf import GgufFile
from stackc.models.graphs import nibbles
from stackc.models.graphs.nibbles import Nibbles
from stackc.models.graphs.rounding import Rounding

from .conftest import Files, quiet
from .decoder_checkpoints import random_decoder, save_folder
from .gguf_files import llama_metadata, llama_tensors, write_gguf, write_llama
from .llama_reference import load_reference, reference_logits
from .onnx_decoder import OnnxDecoder

Floats = NDArray[np.float32]

IDS = [72, 101, 108, 3, 250, 17, 4, 88, 200, 5, 91, 0]
WIDE = {"llama__embedding_length": 256, "llama__feed_forward_length": 256}
RANDOM = np.random.default_rng(1).normal(0, 1, (6, 512)).astype(np.float32)


def folder(files: Files, quantization: str, device: Device = "cpu", **options: Any) -> Path:
    cache = next(iter(files.values())).parent / "cache"
    chosen = ModelOptions(quantization, device=device, **options)
    return compile_model("m", files, chosen, cache, quiet).folder


def decoder(path: Path, quantization: str, device: Device = "cpu") -> OnnxDecoder:
    return OnnxDecoder(folder({path.name: path}, quantization, device))


def error(got: Floats, want: Floats) -> float:
    return float(np.linalg.norm(got - want) / np.linalg.norm(want))


@pytest.mark.parametrize("kind", ["Q4_0", "Q4_1", "Q4_K"])
def test_four_bits_of_a_file_stay_what_they_are(tmp_path: Path, kind: str) -> None:
    path = write_gguf(tmp_path / "t.gguf", {}, {"t": RANDOM}, {"t": kind})
    with GgufFile(path, name="t.gguf") as file:
        want = ggml.floats(file, file.tensors["t"])
        found = ggml.nibbles(file, file.tensors["t"])
        np.testing.assert_allclose(found.to_float(), want, rtol=0, atol=2e-6)
        assert (found.offsets is None) == (kind == "Q4_0")
        del want


@pytest.mark.parametrize("kind", ["F32", "Q5_0", "Q8_0", "Q6_K"])
def test_others_are_rounded(tmp_path: Path, kind: str) -> None:
    path = write_gguf(tmp_path / "t.gguf", {}, {"t": RANDOM}, {"t": kind})
    with GgufFile(path, name="t.gguf") as file:
        want = ggml.floats(file, file.tensors["t"]).copy()
        found = ggml.nibbles(file, file.tensors["t"])
    even = np.ptp(RANDOM.reshape(6, -1, 32), axis=2) / 15
    assert np.square(found.to_float() - want).mean() < np.square(even).mean() / 12


@settings(max_examples=100)
@given(st.lists(st.floats(-(2.0**126), 2.0**126, width=32), min_size=32, max_size=32))
def test_four_bits_of_any_numbers(values: list[float]) -> None:
    """No number is farther off than the ends of the narrowest range that is tried."""
    row = np.array([values], np.float32)
    got = nibbles.quantize(row).to_float()
    assert np.isfinite(got).all()
    spread = float(row.max()) / 2 - float(row.min()) / 2
    assert (
        np.abs(got.astype(np.float64) - row).max()
        <= 0.5 * spread + 1e-6 * np.abs(row).max() + 1e-35
    )


def test_rows_of_four_bits() -> None:
    with_offsets = nibbles.quantize(RANDOM)
    without = Nibbles(with_offsets.values, with_offsets.scales)
    order = np.array([3, 0, 5])
    assert np.array_equal(with_offsets.take(order).to_float(), with_offsets.to_float()[order])
    assert np.array_equal(without.take(order).to_float(), without.to_float()[order])
    both = nibbles.stack([without, with_offsets])
    want = np.concatenate([without.to_float(), with_offsets.to_float()])
    assert np.array_equal(both.to_float(), want)
    assert nibbles.stack([without, without]).offsets is None


@pytest.mark.parametrize("kind", ["Q4_0", "Q4_1", "Q4_K", "Q8_0", "F32"])
def test_int4(tmp_path: Path, kind: str) -> None:
    """Exact files lose what 8 bits of embeddings and activations cost; others the four bits too.

    Random weights are the hardest to round: each matrix is a fourteenth off.
    """
    metadata = llama_metadata(**WIDE)
    tensors = llama_tensors(metadata, tied=False)
    types = {name: kind for name, values in tensors.items() if values.ndim == 2}
    path = write_gguf(tmp_path / "model.gguf", metadata, tensors, types)
    want = reference_logits(load_reference(path), IDS)
    exact = kind.startswith("Q4")
    found = decoder(path, "int4")
    assert error(found.logits(IDS), want) < (0.04 if exact else 0.35)
    assert error(decoder(path, "int4", "cuda").logits(IDS), want) < (0.02 if exact else 0.35)
    found.position = 0
    whole = found.run(IDS, range(len(IDS)))
    found.position = 0
    assert np.array_equal(found.run(IDS[:5], range(5)), whole[:5])
    assert np.array_equal(found.run(IDS[5:], range(7)), whole[5:])


def test_fp16_is_a_format_of_the_file(tmp_path: Path) -> None:
    path = write_llama(tmp_path / "model.gguf", kind="F16", **WIDE)
    files = {path.name: path}
    want = decoder(path, "fp32")
    found = decoder(path, "fp16")
    assert np.array_equal(found.logits(IDS), want.logits(IDS))  # its weights were float16 before
    sizes = [(folder(files, each) / "model.onnx.data").stat().st_size for each in ("fp16", "fp32")]
    assert sizes[0] < 0.6 * sizes[1]
    assert found.description["kv_dtype"] == "float32"


@pytest.mark.parametrize("quantization", ["fp16", "int8", "int4"])
@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3", "mistral"])
def test_cuda(tmp_path: Path, family: str, quantization: str) -> None:
    """onnxruntime's CPU can run the graph for CUDA, in float16 too, if slowly."""
    model = random_decoder(family, tie_word_embeddings=family != "llama")
    files = save_folder(model, tmp_path / "model")
    found = OnnxDecoder(folder(files, quantization, "cuda"))
    want = reference_logits(model, IDS)
    got = found.logits(IDS)
    assert got.dtype == np.float32
    assert error(got, want) < {"fp16": 0.002, "int8": 0.03, "int4": 0.4}[quantization]
    if quantization == "fp16":
        assert np.abs(got - want).max() < 1e-2
    assert found.description["kv_dtype"] == "float16"


def types_of(artifact: Path) -> dict[str, int]:
    model = onnx.load(artifact / "model.onnx", load_external_data=False)
    values = [*model.graph.input, *model.graph.output]
    found = {each.name: each.type.tensor_type.elem_type for each in values}
    return found | {each.name: each.data_type for each in model.graph.initializer}


def test_interface_of_cuda(tmp_path: Path) -> None:
    path = write_llama(tmp_path / "model.gguf")
    types = types_of(folder({path.name: path}, "int8", "cuda"))
    half, single = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT
    assert types["past_key_values.1.value"] == types["present.0.key"] == half
    assert types["rotary.cos"] == types["layers.0.feed_forward.up.weight.scales"] == half
    assert types["logits"] == types["norm.weight"] == single
    assert types["input_ids"] == onnx.TensorProto.INT64


def test_sums_beyond_float16(tmp_path: Path) -> None:
    """What goes from layer to layer may be larger than float16, and its square much larger."""
    metadata = llama_metadata()
    tensors = llama_tensors(metadata, tied=False)
    for name in ("blk.0.ffn_down.weight", "blk.1.attn_output.weight"):
        tensors[name] *= 60_000 / np.abs(tensors[name]).max()
    path = write_gguf(tmp_path / "model.gguf", metadata, tensors)
    want = reference_logits(load_reference(path), IDS)
    assert error(decoder(path, "fp16", "cuda").logits(IDS), want) < 0.01


def test_numbers_beyond_float16(tmp_path: Path) -> None:
    metadata = llama_metadata()
    tensors = llama_tensors(metadata, tied=True)
    tensors["blk.1.ffn_up.weight"][3, 5] = 70_000
    path = write_gguf(tmp_path / "model.gguf", metadata, tensors)
    for quantization, device in (("fp16", "cpu"), ("fp16", "cuda")):
        with pytest.raises(UnsupportedError, match=r"layers.1.feed_forward.up.*float16"):
            decoder(path, quantization, device)
    assert np.isfinite(decoder(path, "fp32").logits(IDS)).all()


def test_fp32_is_not_for_decoders_on_cuda(tmp_path: Path) -> None:
    path = write_llama(tmp_path / "model.gguf")
    with pytest.raises(InvalidOptionError, match="computes in float16"):
        decoder(path, "fp32", "cuda")


def test_rows_that_four_bits_do_not_fit() -> None:
    with pytest.raises(UnsupportedError, match="`t` are no multiple of 32: use fp32"):
        Rounding(4, 32).check("t", 48)


def test_encoders(minilm: Files, compiled_cache: Path) -> None:
    """Their fp16 is a format of the file too."""
    fp16 = compile_model("m", minilm, ModelOptions("fp16"), compiled_cache, quiet).folder
    fp32 = compile_model("m", minilm, ModelOptions("fp32"), compiled_cache, quiet).folder
    sizes = [(each / "model.onnx.data").stat().st_size for each in (fp16, fp32)]
    assert sizes[0] < 0.51 * sizes[1]
    with pytest.raises(InvalidOptionError, match="not one of int8, fp32, fp16"):
        compile_model("m", minilm, ModelOptions("int4"), compiled_cache, quiet)
