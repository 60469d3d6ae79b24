"""Folders of decoders: shards, tokenizer, chat template, older and wrong configurations."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from stackc.models.compile import ModelOptions, compile_model
from stackc.models.decoders.chat_template import function_source
from stackc.models.decoders.safetensors_decoder import read_config
from stackc.models.decoders.special_tokens import fill_ids
from stackc.models.errors import (
    CorruptFileError,
    MissingFileError,
    ModelError,
    UnsupportedArchitectureError,
    UnsupportedError,
    UnsupportedTensorTypeError,
)
from stackc.models.facts import facts_of
from stackc.models.formats.shards import Shards
from stackc.models.sources.source import lock_source, parse_source
from tokenizers import Tokenizer
from transformers import AutoTokenizer, LlamaForCausalLM

from .conftest import Files, quiet
from .decoder_checkpoints import (
    BOS,
    EOS,
    TEMPLATE,
    files_of,
    random_decoder,
    save_folder,
    tokenizer_json,
    write_json,
)
from .llama_reference import reference_logits
from .onnx_decoder import OnnxDecoder

IDS = [72, 101, 108, 3, 250, 17, 4, 88, 200, 5]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "model"
    save_folder(random_decoder("llama"), folder)
    return folder


@pytest.fixture
def folder(tmp_path: Path, saved: Path) -> Path:
    """A copy to spoil."""
    return shutil.copytree(saved, tmp_path / "model")


def change(folder: Path, name: str, **entries: Any) -> None:
    """Sets entries of a JSON file of the folder; None removes one."""
    path = folder / name
    content = json.loads(path.read_text()) if path.exists() else {}
    content |= entries
    write_json(path, {key: value for key, value in content.items() if value is not None})


def compiled(folder: Path, quantization: str = "fp32") -> Path:
    options, cache = ModelOptions(quantization), folder.parent / "cache"
    return compile_model("m", files_of(folder), options, cache, quiet).folder


def describe(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((compiled(folder) / "model.json").read_text())
    return content


def test_shards(tmp_path: Path) -> None:
    model = random_decoder("qwen2")
    files = save_folder(model, tmp_path / "model", max_shard_size="100KB")
    assert len(files) > 5
    assert "model.safetensors" not in files
    got = OnnxDecoder(compiled(tmp_path / "model")).logits(IDS)
    assert np.abs(got - reference_logits(model, IDS)).max() < 1e-4
    locked = lock_source(parse_source("file:model"), tmp_path, tmp_path / "cache", quiet)
    assert {entry.path for entry in locked} == set(files)
    shard = next(name for name in files if name.endswith(".safetensors"))
    rest = {name: path for name, path in files.items() if name != shard}
    with pytest.raises(MissingFileError, match=shard):
        facts_of(rest)


@pytest.mark.parametrize(
    ("place", "named"),
    [
        ("../other/model.safetensors", "it names the file"),
        ("/etc/model.safetensors", "it names the file"),
        ("config.json", "it names the file"),
        (7, "it names the file"),
        ("another shard", "has no tensor `model.norm.weight`"),
    ],
)
def test_index_that_leads_astray(tmp_path: Path, place: object, named: str) -> None:
    save_folder(random_decoder("llama"), tmp_path / "model", max_shard_size="200KB")
    path = tmp_path / "model" / "model.safetensors.index.json"
    index = json.loads(path.read_text())
    places = index["weight_map"]
    if place == "another shard":
        place = next(each for each in places.values() if each != places["model.norm.weight"])
    places["model.norm.weight"] = place
    write_json(path, index)
    with pytest.raises(CorruptFileError, match=named):
        facts_of(files_of(tmp_path / "model"))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(tmp_path: Path, dtype: torch.dtype) -> None:
    save_folder(random_decoder("llama").to(dtype), tmp_path / "model")
    reference = LlamaForCausalLM.from_pretrained(tmp_path / "model", dtype=torch.float32)
    want = reference_logits(reference, IDS)
    assert np.abs(OnnxDecoder(compiled(tmp_path / "model")).logits(IDS) - want).max() < 1e-4


def test_artifact(folder: Path) -> None:
    assert describe(folder) == {
        "kind": "decoder",
        "architecture": "llama",
        "vocab_size": 264,
        "context_length": 128,
        "layers": 2,
        "kv_heads": 2,
        "head_dim": 16,
        "hidden_size": 64,
        "kv_dtype": "float32",
        "bos_token_id": BOS,
        "eos_token_ids": [EOS],
        "add_bos_token": True,
        "bos_token": "<s>",
        "eos_token": "</s>",
        "fim_prefix_id": None,
        "fim_suffix_id": None,
        "fim_middle_id": None,
        "quantization": "fp32",
    }


def test_tokenizer(folder: Path) -> None:
    got = Tokenizer.from_file(str(compiled(folder) / "tokenizer.json"))
    reference = AutoTokenizer.from_pretrained(folder)
    for text in ("hello there", "a</s>b\n\n 12", "größer 😀 " * 5, ""):
        ids = got.encode(text).ids
        assert [BOS, *ids] == reference(text).input_ids
        assert got.decode(ids, skip_special_tokens=False) == text


def test_beginning_of_text(folder: Path) -> None:
    change(folder, "tokenizer_config.json", add_bos_token=False)
    assert describe(folder)["add_bos_token"] is False
    change(folder, "tokenizer_config.json", add_bos_token=None)
    change(folder, "tokenizer.json", post_processor={"type": "ByteLevel"})
    assert describe(folder)["add_bos_token"] is False
    change(folder, "tokenizer_config.json", add_bos_token=True)
    assert describe(folder)["add_bos_token"] is True
    change(folder, "tokenizer_config.json", bos_token=None)
    found = describe(folder)
    assert (found["add_bos_token"], found["bos_token_id"], found["bos_token"]) == (False, None, "")


def test_ends_of_text(folder: Path) -> None:
    content = tokenizer_json()
    turn = {**content["added_tokens"][0], "id": 259, "content": "<|im_end|>"}
    write_json(
        folder / "tokenizer.json", {**content, "added_tokens": [*content["added_tokens"], turn]}
    )
    change(folder, "generation_config.json", eos_token_id=[3, EOS])
    assert describe(folder)["eos_token_ids"] == [EOS, 3, 259]
    (folder / "generation_config.json").unlink()
    change(folder, "tokenizer_config.json", eos_token="<|im_end|>")
    found = describe(folder)
    assert found["eos_token_ids"] == [259, EOS]
    assert found["eos_token"] == "<|im_end|>"


def test_tokens_around_a_gap(folder: Path) -> None:
    content = tokenizer_json()
    one = content["added_tokens"][0]
    texts = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
    added = [{**one, "id": 259 + i, "content": text} for i, text in enumerate(texts)]
    change(folder, "tokenizer.json", added_tokens=[*content["added_tokens"], *added])
    found = describe(folder)
    assert [found[f"fim_{part}_id"] for part in ("prefix", "suffix", "middle")] == [259, 260, 261]
    vocabulary = {"<PRE>": 1, "<SUF>": 2, "x": 3}
    assert fill_ids(vocabulary) == {"prefix": 1, "suffix": 2, "middle": None}
    assert fill_ids(vocabulary, {"prefix": 3})["prefix"] == 3


def render(folder: Path) -> str:
    names: dict[str, Any] = {}
    source = function_source(files_of(folder), "render")
    exec("from typing import Any\nfrom collections.abc import *\n" + _imports(source), names)
    text: str = names["render"](
        [{"role": "user", "content": "hi"}], tools=None, add_generation_prompt=True
    )
    return text


def _imports(function: Any) -> str:
    return f"from stackrt.engine.template import {', '.join(function.imports)}\n{function.source}"


def test_chat_template(folder: Path) -> None:
    assert render(folder) == "<s>hi</s>"
    named = [{"name": "tool_use", "template": "no"}, {"name": "default", "template": TEMPLATE}]
    change(folder, "tokenizer_config.json", chat_template=named)
    assert render(folder) == "<s>hi</s>"
    (folder / "chat_template.jinja").write_text("{{ eos_token ~ messages[0].content }}")
    assert render(folder) == "</s>hi"


@pytest.mark.parametrize("template", [None, [], [{"name": "rag", "template": "x"}]])
def test_no_chat_template(folder: Path, template: object) -> None:
    change(folder, "tokenizer_config.json", chat_template=template)
    with pytest.raises(UnsupportedError, match="has no chat template"):
        function_source(files_of(folder), "render")


@pytest.mark.parametrize("template", [7, ["x"], [{"name": "default", "template": 7}]])
def test_chat_template_that_is_none(folder: Path, template: object) -> None:
    change(folder, "tokenizer_config.json", chat_template=template)
    with pytest.raises(CorruptFileError):
        function_source(files_of(folder), "render")


def test_chat_template_that_is_no_text(folder: Path) -> None:
    (folder / "chat_template.jinja").write_bytes(b"\xff\xfe")
    with pytest.raises(CorruptFileError, match="not UTF-8"):
        function_source(files_of(folder), "render")


SCALING = {
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}


@pytest.mark.parametrize("key", ["rope_type", "type"])
def test_rope_as_older_configurations_say_it(folder: Path, key: str) -> None:
    def rope() -> Any:
        files = files_of(folder)
        with Shards(files) as shards:
            return read_config(files, shards).rope

    today = {"rope_type": "llama3", "rope_theta": 500000, **SCALING}
    change(folder, "config.json", rope_parameters=today)
    want = rope()
    older = {"rope_theta": 500000.0, "rope_scaling": {key: "llama3", **SCALING}}
    change(folder, "config.json", rope_parameters=None, **older)
    assert rope() == want
    change(folder, "config.json", rope_scaling=None)
    assert rope() != want


def test_what_does_not_matter_is_left_out(folder: Path) -> None:
    """A head beside tied embeddings, and frequencies that older versions stored."""
    path = folder / "model.safetensors"
    more = {"model.layers.0.self_attn.rotary_emb.inv_freq": np.ones(8, np.float32)}
    save_file(load_file(path) | more, path)
    change(folder, "config.json", tie_word_embeddings=True)
    files = files_of(folder)
    with Shards(files) as shards:
        assert read_config(files, shards).tied


def test_windows(folder: Path) -> None:
    def windows() -> Any:
        files = files_of(folder)
        with Shards(files) as shards:
            return read_config(files, shards).windows

    assert windows() == (None, None)
    change(folder, "config.json", architectures=["MistralForCausalLM"], sliding_window=9)
    assert windows() == (9, 9)
    change(folder, "config.json", max_position_embeddings=9)
    assert windows() == (None, None)  # none of them ever ends
    # Without the entry it is the default of transformers.
    change(folder, "config.json", sliding_window=None, max_position_embeddings=5000)
    assert windows() == (4096, 4096)


def test_kinds_of_layers(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    kinds = ["sliding_attention", "full_attention"]
    options = {"use_sliding_window": True, "sliding_window": 6, "layer_types": kinds}
    save_folder(random_decoder("qwen3", **options), folder)
    with Shards(files_of(folder)) as shards:
        assert read_config(files_of(folder), shards).windows == (6, None)
        for wrong in (["full_attention"], "full", [{}, {}], ["full_attention", "mamba"]):
            change(folder, "config.json", layer_types=wrong)
            with pytest.raises(CorruptFileError, match="`layer_types`"):
                read_config(files_of(folder), shards)


Entry = dict[str, Any]
WRONG: dict[str, tuple[Entry, type[ModelError], str]] = {
    "other class": (
        {"architectures": ["GemmaForCausalLM"]},
        UnsupportedArchitectureError,
        "`GemmaForCausalLM` is not supported; supported: LlamaForCausalLM, Mistral",
    ),
    "classifier": (
        {"architectures": ["LlamaForSequenceClassification"]},
        UnsupportedArchitectureError,
        "`llama`",
    ),
    "no class": ({"architectures": None, "model_type": None}, ModelError, "`unknown`"),
    "classes": ({"architectures": "LlamaForCausalLM"}, ModelError, "`llama`"),
    "activation": ({"hidden_act": "gelu"}, UnsupportedError, "`gelu`"),
    "quantised": ({"quantization_config": {"bits": 4}}, UnsupportedError, "quantised already"),
    "partial": ({"partial_rotary_factor": 0.5}, UnsupportedError, "part of the head"),
    "rope": ({"rope_parameters": {"rope_type": "longrope"}}, UnsupportedError, "`longrope`"),
    "rope of layers": (
        {"rope_parameters": {"full_attention": {"rope_theta": 1e4}}},
        UnsupportedError,
        "between layers",
    ),
    "no factor": ({"rope_parameters": {"rope_type": "linear"}}, CorruptFileError, "`factor`"),
    "frequencies": (
        {"rope_parameters": {"rope_type": "llama3", **SCALING, "high_freq_factor": 1}},
        CorruptFileError,
        "`low_freq_factor`",
    ),
    "theta": ({"rope_parameters": {"rope_theta": 0}}, CorruptFileError, "`rope_theta`"),
    "theta of words": ({"rope_parameters": {"rope_theta": "1"}}, CorruptFileError, "`rope_theta`"),
    "layers": ({"num_hidden_layers": 3}, CorruptFileError, r"layers.2.* is missing"),
    "many layers": ({"num_hidden_layers": 1 << 30}, CorruptFileError, "no 1073741824 layers"),
    "no layers": ({"num_hidden_layers": 0}, CorruptFileError, "`num_hidden_layers` is 0"),
    "heads": ({"num_key_value_heads": 3}, CorruptFileError, "do not divide"),
    "wide heads": ({"head_dim": 1 << 30}, CorruptFileError, "heads have 1073741824 numbers"),
    "odd heads": ({"head_dim": 24}, UnsupportedError, "multiples of 16"),
    "size": ({"hidden_size": 128}, CorruptFileError, "shape"),
    "size of words": ({"hidden_size": "64"}, CorruptFileError, "`hidden_size`"),
    "half a size": ({"hidden_size": 64.5}, CorruptFileError, "`hidden_size`"),
    "true": ({"hidden_size": True}, CorruptFileError, "`hidden_size`"),
    "vocabulary": ({"vocab_size": 1 << 30}, CorruptFileError, "shape"),
    "context": ({"max_position_embeddings": 1 << 30}, CorruptFileError, "`max_position"),
    "epsilon": ({"rms_norm_eps": "small"}, CorruptFileError, "`rms_norm_eps`"),
    "tie": ({"tie_word_embeddings": "yes"}, CorruptFileError, "`tie_word_embeddings`"),
    "bias": ({"architectures": ["Qwen2ForCausalLM"]}, CorruptFileError, "q_proj.bias` is missing"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_configurations(folder: Path, name: str) -> None:
    entries, error, named = WRONG[name]
    change(folder, "config.json", **entries)
    with pytest.raises(error, match=named) as caught:
        facts_of(files_of(folder))
    assert "\n" not in str(caught.value)


def edited(change_tensors: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        path = folder / "model.safetensors"
        tensors = dict(load_file(path))
        change_tensors(tensors)
        save_file(tensors, path)

    return edit


DAMAGED: dict[str, tuple[Callable[[Path], None], type[ModelError], str]] = {
    "missing tensor": (
        edited(lambda tensors: tensors.pop("model.layers.1.mlp.up_proj.weight")),
        CorruptFileError,
        "`model.layers.1.mlp.up_proj.weight` is missing",
    ),
    "another tensor": (
        edited(lambda tensors: tensors.update({"x" * 300: np.ones(3, np.float32)})),
        UnsupportedError,
        "`x{100}`",
    ),
    "type": (
        edited(lambda tensors: tensors.update({"model.norm.weight": np.ones(64, np.int8)})),
        UnsupportedTensorTypeError,
        "`model.norm.weight` has type I8",
    ),
    "infinite": (
        edited(lambda tensors: tensors["lm_head.weight"].fill(np.inf)),
        CorruptFileError,
        "`lm_head.weight` holds infinite",
    ),
    "no weights": (
        lambda folder: (folder / "model.safetensors").unlink(),
        MissingFileError,
        "`model.safetensors` is missing",
    ),
    "no tokenizer": (
        lambda folder: (folder / "tokenizer.json").unlink(),
        MissingFileError,
        "`tokenizer.json` is missing",
    ),
    "damaged tokenizer": (
        lambda folder: change(folder, "tokenizer.json", added_tokens=[{"id": 1}]),
        CorruptFileError,
        "`tokenizer.json`",
    ),
    "many tokens": (
        lambda folder: change(folder, "tokenizer.json", model={"vocab": {"a": 264}}),
        CorruptFileError,
        "more tokens than the model has embeddings",
    ),
    "decoder of words": (
        lambda folder: change(folder, "tokenizer.json", decoder={"type": "WordPiece"}),
        UnsupportedError,
        "`WordPiece`",
    ),
    "no decoder": (
        lambda folder: change(folder, "tokenizer.json", decoder=None),
        UnsupportedError,
        "`None`",
    ),
    "end of text": (
        lambda folder: change(folder, "generation_config.json", eos_token_id=[1, "2"]),
        CorruptFileError,
        "`eos_token_id`",
    ),
    "beginning of text": (
        lambda folder: change(folder, "tokenizer_config.json", bos_token=[1]),
        CorruptFileError,
        "`bos_token`",
    ),
    "settings": (
        lambda folder: write_json(folder / "tokenizer_config.json", [1]),
        CorruptFileError,
        "not a JSON object",
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_folders(folder: Path, name: str) -> None:
    damage, error, named = DAMAGED[name]
    damage(folder)
    with pytest.raises(error, match=named) as caught:
        compiled(folder, "int8")
    assert "\n" not in str(caught.value)


def test_rows_that_blocks_do_not_fit(tmp_path: Path) -> None:
    model = random_decoder("llama", intermediate_size=40)
    files: Files = save_folder(model, tmp_path / "model")
    assert facts_of(files).parameters == model.num_parameters()
    assert describe(tmp_path / "model")["quantization"] == "fp32"
    with pytest.raises(UnsupportedError, match=r"`model.layers.0.mlp.down_proj.weight`.*fp32"):
        compiled(tmp_path / "model", "int8")
