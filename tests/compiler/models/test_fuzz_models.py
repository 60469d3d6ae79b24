"""Damaged decoders: a ModelError of one line or an artifact, in bounded time and memory."""

import json
import resource
import runpy
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from stackc.models.compile import ModelOptions, compile_model
from stackc.models.decoders.chat_template import function_source, module_source, translate
from stackc.models.errors import CorruptFileError, ModelError
from stackc.models.facts import facts_of
from stackc.models.formats.gguf import GgufFile
from stackrt.engine.template_limits import TemplateError
from stackrt.engine.template_limits import bounded as bounded_rendering

from .conftest import Files, quiet
from .decoder_checkpoints import random_decoder, save_folder
from .gguf_files import llama_metadata, llama_tensors, write_gguf, write_llama

SECONDS = 2.0
MEMORY = 1 << 30
FORMATS = ["fp32", "int8", "int4", "fp16"]
NUMBERS = [0, 1, 2, 31, 33, 1 << 16, (1 << 31) - 1, 1 << 32, 10**9, 1 << 40, 1 << 62, (1 << 64) - 1]

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 70),
    st.sampled_from([*NUMBERS, -(1 << 63), 10**400, 0.5, 1e308, "", "\ud800", "a\nb", "gpt2"]),
    st.floats(),
    st.text(max_size=5),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=4,
)


def tries(count: int) -> settings:
    slow = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(max_examples=count, deadline=None, suppress_health_check=slow)


@contextmanager
def bounded() -> Iterator[None]:
    """Fails what takes long, and whatever asks for a gigabyte more than there is."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, before[1]))
    start = time.perf_counter()
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert time.perf_counter() - start < SECONDS


def attempt(files: Mapping[str, Path], cache: Path, quantization: str = "int8") -> None:
    """All that is done with a model's files; only a ModelError may come of it."""
    with bounded():
        for step in (
            lambda: facts_of(files),
            lambda: function_source(files, "render"),
            lambda: compile_model("m", files, ModelOptions(quantization), cache, quiet),
        ):
            try:
                step()
            except ModelError as error:
                assert "\n" not in str(error)
                assert len(str(error)) < 1000


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_llama(tmp_path_factory.mktemp("gguf") / "m.gguf", kind="Q4_1").read_bytes()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return save_folder(random_decoder("llama"), tmp_path_factory.mktemp("folder") / "model")


def head(whole: bytes) -> int:
    """Where the first tensor begins, about: all before it is structure."""
    return whole.index(b"output_norm.weight") + 4000


@tries(150)
@given(st.data())
def test_bytes_of_a_gguf(tmp_path: Path, whole: bytes, data: st.DataObject) -> None:
    raw = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        inside = data.draw(st.sampled_from([200, head(whole), len(raw)]))
        place = data.draw(st.integers(0, min(inside, len(raw)) - 8))
        match data.draw(st.sampled_from(["byte", "number", "cut", "insert"])):
            case "byte":
                raw[place] = data.draw(st.integers(0, 255))
            case "number":
                raw[place : place + 8] = struct.pack("<Q", data.draw(st.sampled_from(NUMBERS)))
            case "cut":
                del raw[max(place, 8) :]
                break
            case "insert":
                raw[place:place] = data.draw(st.binary(max_size=40))
    path = tmp_path / "model.gguf"
    path.write_bytes(bytes(raw))
    attempt({"model.gguf": path}, tmp_path / "cache", data.draw(st.sampled_from(FORMATS)))


@pytest.mark.parametrize("value", NUMBERS)
def test_every_number_in_the_head_of_a_gguf(tmp_path: Path, whole: bytes, value: int) -> None:
    """Counts and lengths of the header, and the fields of the first tensor."""
    first = whole.index(b"token_embd.weight")
    places = [8, 16, 24, first - 8, *range(first + 17, first + 17 + 32, 4)]
    for place in places:
        raw = whole[:place] + struct.pack("<Q", value) + whole[place + 8 :]
        path = tmp_path / f"{place}.gguf"
        path.write_bytes(raw)
        attempt({"model.gguf": path}, tmp_path / "cache")


GGUF_VALUES = st.one_of(
    st.booleans(),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.sampled_from([0, 1, 48, 10**9, 1 << 20, 1 << 62]),
    st.floats(width=32),
    st.text(max_size=8),
    st.lists(st.integers(-(1 << 31), (1 << 31) - 1), min_size=1, max_size=3),
    st.lists(st.text(max_size=3), min_size=1, max_size=3),
)


@tries(100)
@given(st.data())
def test_metadata_of_a_gguf(tmp_path: Path, data: st.DataObject) -> None:
    metadata = llama_metadata()
    tensors = llama_tensors(metadata, tied=True)
    keys = [*metadata, "llama.rope.scaling.type", "llama.rope.scaling.factor", "general.alignment"]
    keys += ["llama.attention.key_length", "llama.attention.sliding_window", "llama.expert_count"]
    for _ in range(data.draw(st.integers(1, 2))):
        metadata[data.draw(st.sampled_from(keys))] = data.draw(GGUF_VALUES)
    path = write_gguf(tmp_path / "model.gguf", metadata, tensors)
    attempt({"model.gguf": path}, tmp_path / "cache")


@pytest.mark.parametrize("key", ["block_count", "context_length", "embedding_length"])
@pytest.mark.parametrize("size", [10**9, 1 << 62])
def test_absurd_sizes(tmp_path: Path, key: str, size: int) -> None:
    """Nothing is allocated for layers or positions that there are not."""
    tensors = llama_tensors(llama_metadata(), tied=True)
    metadata = llama_metadata(**{f"llama__{key}": size})
    path = write_gguf(tmp_path / "model.gguf", metadata, tensors)
    attempt({"model.gguf": path}, tmp_path / "cache")
    with pytest.raises(ModelError):
        facts_of({"model.gguf": path})


MERGES = st.lists(
    st.sampled_from(["h e", "he he", "h", "", " ", "h e l", "zz zz", "he h", "\u0120 h", "h e"]),
    min_size=1,
    max_size=4,
)


@tries(30)
@given(merges=MERGES, token=st.sampled_from(["he", "", " ", "\ud7ff", "h", "hé"]))
@example(merges=["h e", "he he", "he h"], token="he")
def test_vocabulary_of_a_gguf(tmp_path: Path, merges: list[str], token: str) -> None:
    """Merges of themselves, of what is no token, of one part; tokens twice, or empty."""
    metadata = llama_metadata()
    metadata["tokenizer.ggml.merges"] = merges
    metadata["tokenizer.ggml.tokens"][100] = token
    tensors = llama_tensors(metadata, tied=True)
    path = write_gguf(tmp_path / "model.gguf", metadata, tensors)
    attempt({"model.gguf": path}, tmp_path / "cache")


def mutated(data: st.DataObject, value: Any) -> Any:
    """The JSON with one value, at any depth, replaced or left out."""
    if not isinstance(value, dict | list) or not value or data.draw(st.integers(0, 3)) == 0:
        return data.draw(VALUES)
    changed = value.copy()
    keys = list(value) if isinstance(value, dict) else [0, len(value) - 1]
    key = data.draw(st.sampled_from(keys))
    if data.draw(st.integers(0, 5)) == 0:
        del changed[key]
    else:
        changed[key] = mutated(data, value[key])
    return changed


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
@tries(80)
@given(data=st.data())
def test_json_of_a_folder(
    tmp_path: Path, checkpoint: Files, name: str, data: st.DataObject
) -> None:
    content = json.loads(checkpoint[name].read_text()) if name in checkpoint else {}
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(mutated(data, content)))
    attempt({**checkpoint, name: changed}, tmp_path / "cache")


@pytest.mark.parametrize(
    "key", ["num_hidden_layers", "hidden_size", "vocab_size", "max_position_embeddings", "head_dim"]
)
@pytest.mark.parametrize("size", [10**9, 10**400, -1, 0, 1.5, True, "8"])
def test_absurd_sizes_of_a_folder(tmp_path: Path, checkpoint: Files, key: str, size: Any) -> None:
    config = {**json.loads(checkpoint["config.json"].read_text()), key: size}
    changed = tmp_path / "config.json"
    changed.write_text(json.dumps(config))
    files = {**checkpoint, "config.json": changed}
    attempt(files, tmp_path / "cache")
    with pytest.raises(ModelError):
        facts_of(files)


def split(checkpoint: Files) -> tuple[dict[str, Any], bytes]:
    """Header and numbers of the checkpoint's weights."""
    raw = checkpoint["model.safetensors"].read_bytes()
    size = int.from_bytes(raw[:8], "little")
    return json.loads(raw[8 : 8 + size]), raw[8 + size :]


def joined(header: Any, numbers: bytes, size: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text + numbers


@tries(100)
@given(data=st.data())
def test_header_of_safetensors(tmp_path: Path, checkpoint: Files, data: st.DataObject) -> None:
    header, numbers = split(checkpoint)
    name = data.draw(st.sampled_from(sorted(header)))
    field = data.draw(st.sampled_from(["dtype", "shape", "data_offsets"]))
    sizes = st.lists(st.sampled_from([*NUMBERS, -1, 0.5, True, None, "1"]), max_size=4)
    entry = header[name] if isinstance(header[name], dict) else {}
    header[name] = {**entry, field: data.draw(st.one_of(sizes, VALUES))}
    path = tmp_path / "model.safetensors"
    path.write_bytes(joined(header, numbers))
    attempt({**checkpoint, path.name: path}, tmp_path / "cache")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00" * 7,
        struct.pack("<Q", (1 << 64) - 1),
        struct.pack("<Q", 1 << 62) + b"{}",
        joined(b"[" * 100_000, b""),
        joined(b'{"a":' * 100_000, b""),
        joined(b"\xff\xfe", b""),
        joined(b"[]", b""),
        joined(b"9" * 5000, b""),
        joined(
            b'{"a": {"dtype": "F32", "shape": [' + b"9" * 5000 + b'], "data_offsets": []}}', b""
        ),
        joined({"a": {"dtype": "F32", "shape": [1 << 40] * 9, "data_offsets": [0, 4]}}, b"abcd"),
    ],
    ids=range(11),
)
def test_safetensors_that_are_none(tmp_path: Path, checkpoint: Files, raw: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(raw)
    with pytest.raises(CorruptFileError), bounded():
        facts_of({**checkpoint, path.name: path})


@pytest.mark.parametrize(
    "place", ["../model.safetensors", "/etc/passwd", "a/../../x.safetensors", "", ".", "\x00", 5]
)
def test_an_index_that_leaves_the_folder(tmp_path: Path, checkpoint: Files, place: Any) -> None:
    """Shards are those of the files that were fetched, whatever the index says."""
    header, _ = split(checkpoint)
    index = tmp_path / "index.json"
    index.write_text(json.dumps({"weight_map": dict.fromkeys(header, place)}))
    files = {**checkpoint, "model.safetensors.index.json": index}
    del files["model.safetensors"]
    with pytest.raises(ModelError), bounded():
        facts_of(files)


@pytest.mark.parametrize("kind", ["F32", "F16", "Q8_0", "Q4_1"])
@pytest.mark.parametrize("quantization", FORMATS)
def test_numbers_that_are_none(tmp_path: Path, kind: str, quantization: str) -> None:
    """Infinite scales and weights: named, and not compiled."""
    path = write_llama(tmp_path / "model.gguf", kind=kind)
    with GgufFile(path, name="m") as file:
        place = file.tensors["blk.1.ffn_up.weight"].offset  # of a number, or of a block's scale
    infinite = (np.float32 if kind == "F32" else np.float16)(np.inf).tobytes()
    raw = path.read_bytes()
    path.write_bytes(raw[:place] + infinite + raw[place + len(infinite) :])
    with pytest.raises(CorruptFileError, match="infinite"):
        compile_model("m", {path.name: path}, ModelOptions(quantization), tmp_path / "cache", quiet)


LONG = 10**12
ENDLESS = [
    f"{{% for i in range({LONG}) %}}x{{% endfor %}}",
    f"{{{{ range({LONG}) | list }}}}",
    f"{{% for i in range({LONG}) if i %}}{{{{ loop.index }}}}{{% endfor %}}",
    f"{{{{ 0.5 in range({LONG}) }}}}",
    "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
    "{% set n = namespace(s='x') %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}",
    "{% set n = namespace(i=9) %}{% for i in range(60) %}{% set n.i = n.i * n.i %}{% endfor %}",
    "{{ [1] | tojson(indent=10000000000) }}",
    "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}",
    "{% set n = namespace(s='x') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
    "{% set x = messages[0].content %}" + 60 * "{% set x = x ~ x %}",
    "{% set x = messages[0].content %}" + 60 * "{% set x %}{{ x }}{{ x }}{% endset %}",
    "{% set x = messages[0].content %}" + 60 * "{% set x = x.replace('x', 'xx') %}",
    "{% set x = messages[0].content %}" + 60 * "{% set x = x | replace('', x) %}",
    "{% set x = [1] %}" + 60 * "{% set x = [x, x] %}" + "{{ x }}",
    "{% set x = [1] %}" + 60 * "{% set x = [x, x] %}" + "{{ x | tojson }}",
    "{% set x = messages[0].content %}"
    + 20 * "{% set x = x ~ x %}"
    + "{% for i in range(99999) %}{{ x }}{% endfor %}",
    "{% macro f0() %}x{% endmacro %}"
    + "".join(
        f"{{% macro f{i + 1}() %}}{{{{ f{i}() }}}}{{{{ f{i}() }}}}{{% endmacro %}}"
        for i in range(60)
    )
    + "{{ f60() }}",
]


@pytest.mark.parametrize("template", ENDLESS, ids=range(len(ENDLESS)))
def test_templates_that_do_not_end(tmp_path: Path, template: str) -> None:
    path = tmp_path / "render.py"
    path.write_text(module_source([translate(template, "render", {})]))
    render = bounded_rendering(runpy.run_path(str(path))["render"])
    with pytest.raises(TemplateError), bounded():
        render([{"role": "user", "content": "x"}], tools=None, add_generation_prompt=True)


@pytest.mark.parametrize(
    "template",
    [
        "{% set ns = namespace(a=1) %}{{ ns.__class__ }}",
        "{{ messages | attr('__class__') }}",
        "{{ cycler('a').__init__ }}",
        "{{ '{0.__class__}'.format(1) }}",
        "{% for m in messages %}{{ loop._entries }}{% endfor %}",
        "{% import 'os' as os %}",
        "{{ 10 ** 1000000000 }}",
        "{{ 'a' * 1000000000000 }}",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    ],
    ids=range(9),
)
def test_templates_that_reach_out(template: str) -> None:
    with pytest.raises(ModelError), bounded():
        translate(template, "render", {})
