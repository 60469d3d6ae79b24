"""Model files that are cut, altered or made up end in one clear error, never in another one."""

import json
import random
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save
from stackc.models.compile import ModelOptions, compile_model
from stackc.models.decoders.chat_template import function_source
from stackc.models.errors import CorruptFileError, ModelError, UnsupportedError
from stackc.models.facts import facts_of
from stackc.models.formats.gguf import GgufFile
from stackc.models.formats.safetensors import SafetensorsFile

from .conftest import Files, quiet
from .gguf_files import llama_metadata, write_gguf, write_llama

UNHURRIED = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_llama(tmp_path_factory.mktemp("gguf") / "model.gguf", kind="Q4_1").read_bytes()


def use(path: Path, *, compile_too: bool = True) -> None:
    """Does with a file all that the compiler does with one."""
    files = {"model.gguf": path}
    facts_of(files)
    function_source(files, "render")
    if compile_too:
        compile_model("m", files, ModelOptions(), path.parent / "cache", quiet)


def check(path: Path, raw: bytes) -> ModelError:
    path.write_bytes(raw)
    with pytest.raises(ModelError) as caught:
        use(path)
    assert "\n" not in str(caught.value)
    return caught.value


def test_whole_file(tmp_path: Path, model: bytes) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(model)
    use(path)


def test_truncated_anywhere(tmp_path: Path, model: bytes) -> None:
    ends = random.Random(0).sample(range(len(model)), 250)
    # The last tensor may be followed by padding, without which the file is still whole.
    for end in [*range(64), *ends, len(model) - 33]:
        check(tmp_path / "model.gguf", model[:end])


def test_published_file_truncated(tmp_path: Path, smollm2: Files) -> None:
    path = tmp_path / "model.gguf"
    with next(iter(smollm2.values())).open("rb") as stream:
        raw = stream.read(4 << 20)
    for end in (1, 100, 5000, 900_000, 1_700_000, 4 << 20):
        path.write_bytes(raw[:end])
        with pytest.raises(CorruptFileError):
            use(path)


@UNHURRIED
@given(raw=st.binary(max_size=400))
def test_random_bytes(tmp_path: Path, raw: bytes) -> None:
    check(tmp_path / "a.gguf", raw)
    check(tmp_path / "b.gguf", b"GGUF" + struct.pack("<I", 3) + raw)


@UNHURRIED
@given(data=st.data())
def test_altered_bytes(tmp_path: Path, model: bytes, data: Any) -> None:
    """What is damaged may still be a model; it must not be anything but that or an error."""
    raw = bytearray(model)
    limit = data.draw(st.sampled_from([400, 9000, len(raw)]))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, limit - 1))
        raw[at] = data.draw(st.integers(0, 255))
    path = tmp_path / "model.gguf"
    path.write_bytes(raw)
    try:
        use(path)
    except ModelError as error:
        assert "\n" not in str(error)


HUGE = struct.pack("<Q", (1 << 63) - 1)


@pytest.mark.parametrize(
    "raw",
    [
        b"GGUF" + struct.pack("<I", 3) + HUGE + struct.pack("<Q", 0),
        b"GGUF" + struct.pack("<I", 3) + struct.pack("<Q", 0) + HUGE,
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + HUGE + b"key",
        b"GGUF"
        + struct.pack("<IQQ", 3, 0, 1)
        + struct.pack("<Q", 1)
        + b"k"
        + b"\x09\0\0\0\x08\0\0\0"
        + HUGE,
        b"GGUF"
        + struct.pack("<IQQ", 3, 0, 1)
        + struct.pack("<Q", 1)
        + b"k"
        + b"\x09\0\0\0\x04\0\0\0"
        + HUGE,
        b"GGUF"
        + struct.pack("<IQQ", 3, 1, 0)
        + struct.pack("<Q", 1)
        + b"t"
        + b"\x02\0\0\0"
        + HUGE * 2
        + bytes(12),
    ],
    ids=["tensors", "entries", "key", "strings", "numbers", "shape"],
)
def test_huge_counts(tmp_path: Path, raw: bytes) -> None:
    assert isinstance(check(tmp_path / "model.gguf", raw + bytes(64)), CorruptFileError)


def test_not_a_gguf_file(tmp_path: Path) -> None:
    error = check(tmp_path / "model.gguf", b"PK\x03\x04" + bytes(100))
    assert str(error) == "`model.gguf` is damaged: it is not a GGUF file"


@pytest.mark.parametrize("version", [1, 4, 0x03000000])
def test_other_versions(tmp_path: Path, model: bytes, version: int) -> None:
    raw = model[:4] + struct.pack("<I", version) + model[8:]
    error = check(tmp_path / "model.gguf", raw)
    assert isinstance(error, UnsupportedError)
    assert f"GGUF version {version}; supported: 2, 3" in str(error)


def test_metadata(tmp_path: Path) -> None:
    metadata = {
        "a": 1,
        "b": -(1 << 40),
        "c": 0.5,
        "d": "ü",
        "e": True,
        "f": ["x", "yz"],
        "g": [1, 2],
    }
    path = write_gguf(tmp_path / "model.gguf", metadata)
    with GgufFile(path, name="m") as file:
        assert file.metadata == {key: metadata[key] for key in "abcde"}
        assert file.array("f") == ["x", "yz"]
        assert file.array("g") == [1, 2]
        assert file.array("a") is None
        assert file.string_at("f", 1) == "yz"
        assert file.string_at("f", 2) is None
        assert file.string_at("g", 0) is None


def test_model_without_a_chat_template(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "m.gguf", llama_metadata(tokenizer__chat_template=None))
    with pytest.raises(UnsupportedError, match="has no chat template"):
        function_source({"m.gguf": path}, "render")


def read_safetensors(path: Path, raw: bytes) -> dict[str, Any]:
    path.write_bytes(raw)
    with SafetensorsFile(path, name="model.safetensors") as file:
        return dict(file.tensors)


def header(content: Any) -> bytes:
    text = json.dumps(content).encode()
    return struct.pack("<Q", len(text)) + text


def test_safetensors(tmp_path: Path) -> None:
    raw = save({"a": np.ones((2, 3), np.float32), "b": np.zeros(4, np.int64)}, {"x": "y"})
    found = read_safetensors(tmp_path / "m", raw)
    assert {name: (each.dtype, each.shape, each.size) for name, each in found.items()} == {
        "a": ("F32", (2, 3), 24),
        "b": ("I64", (4,), 32),
    }
    for end in range(len(raw)):
        with pytest.raises(CorruptFileError):
            read_safetensors(tmp_path / "m", raw[:end])


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"a": 1},
        {"a": {}},
        {"a": {**ENTRY, "shape": 2}},
        {"a": {**ENTRY, "shape": [-2]}},
        {"a": {**ENTRY, "shape": [True, 2]}},
        {"a": {**ENTRY, "shape": [1 << 62, 1 << 62]}},
        {"a": {**ENTRY, "data_offsets": [0, 1 << 62]}},
        {"a": {**ENTRY, "data_offsets": [8, 0]}},
        {"a": {**ENTRY, "data_offsets": [0]}},
        {"a": {**ENTRY, "dtype": "F99"}},
        {"a": {**ENTRY, "dtype": []}},
    ],
    ids=str,
)
def test_wrong_safetensors_headers(tmp_path: Path, content: Any) -> None:
    with pytest.raises(CorruptFileError):
        read_safetensors(tmp_path / "m", header(content) + bytes(8))


@UNHURRIED
@given(raw=st.binary(max_size=200))
def test_random_safetensors(tmp_path: Path, raw: bytes) -> None:
    for candidate in (raw, struct.pack("<Q", len(raw)) + raw):
        with pytest.raises(CorruptFileError):
            read_safetensors(tmp_path / "m", candidate)
