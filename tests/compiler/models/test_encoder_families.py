"""Every family of encoders, with every kind of output, against transformers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from encoder_checkpoints import CLASSES, Checkpoint
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from stackc.models.compile import ModelOptions, compile_model
from stackc.models.errors import CorruptFileError, UnsupportedError
from stackc.models.facts import facts_of

from .conftest import quiet

Floats = NDArray[np.float32]
FAMILIES = list(CLASSES)

TOKENS = np.array([[0, 7, 49, 33, 9, 2], [0, 5, 4, 2, 1, 1], [0, 2, 1, 1, 1, 1]], np.int64)
MASK = (TOKENS != 1).astype(np.int64)
TYPES = np.array([[0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 0, 0], [0, 1, 0, 0, 0, 0]], np.int64)
POOLINGS = {"mean": "mean_tokens", "cls": "cls_token", "max": "max_tokens"}


def compiled(checkpoint: Checkpoint, quantization: str = "fp32") -> Path:
    cache = checkpoint.folder.parent / "cache"
    options = ModelOptions(quantization)
    return compile_model("m", checkpoint.files, options, cache, quiet).folder


def run(folder: Path, **more: NDArray[np.int64]) -> Floats:
    session = onnxruntime.InferenceSession(
        folder / "model.onnx", providers=["CPUExecutionProvider"]
    )
    feed = {"input_ids": TOKENS, "attention_mask": MASK, **more}
    return np.asarray(session.run(None, feed)[0], np.float32)


def describe(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "model.json").read_text())
    return content


def reference(checkpoint: Checkpoint, **more: NDArray[np.int64]) -> Any:
    feed = {"input_ids": TOKENS, "attention_mask": MASK, **more}
    with torch.no_grad():
        return checkpoint.model(**{name: torch.from_numpy(each) for name, each in feed.items()})


def pooled(hidden: torch.Tensor, pooling: str) -> Floats:
    mask = torch.from_numpy(MASK)[..., None]
    if pooling == "cls":
        values = hidden[:, 0]
    elif pooling == "max":
        values = hidden.masked_fill(mask == 0, -1e9).max(1).values
    else:
        values = (hidden * mask).sum(1) / mask.sum(1)
    result: Floats = values.numpy()
    return result


@pytest.mark.parametrize("family", FAMILIES)
def test_vectors(family: str, tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "model", family)
    want = pooled(reference(checkpoint).last_hidden_state, "mean")
    assert run(compiled(checkpoint)) == pytest.approx(want, abs=1e-4)
    int8 = run(compiled(checkpoint, "int8"))
    lengths = np.linalg.norm(int8, axis=1) * np.linalg.norm(want, axis=1)
    assert ((int8 * want).sum(1) / lengths).min() > 0.999


@pytest.mark.parametrize("family", FAMILIES)
def test_an_encoder_cut_out_of_a_larger_model(family: str, tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "model", family, head=True)
    checkpoint.write("config.json", {**checkpoint.config, "architectures": None})
    checkpoint.model = checkpoint.model.base_model
    want = pooled(reference(checkpoint).last_hidden_state, "mean")
    assert facts_of(checkpoint.files).kind == "encoder"
    assert run(compiled(checkpoint)) == pytest.approx(want, abs=1e-4)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("release", ["flags", "name"])
def test_poolings(pooling: str, release: str, tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "model", "bert")
    flags = {f"pooling_mode_{name}": name == POOLINGS[pooling] for name in POOLINGS.values()}
    checkpoint.write("1_Pooling/config.json", flags if release == "flags" else named(pooling))
    checkpoint.write("modules.json", [{"path": "1_Pooling", "type": "a.release.of.Pooling"}])
    want = pooled(reference(checkpoint).last_hidden_state, pooling)
    assert run(compiled(checkpoint)) == pytest.approx(want, abs=1e-4)


def named(pooling: str) -> dict[str, object]:
    return {"embedding_dimension": 32, "pooling_mode": pooling, "include_prompt": True}


@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "gelu_pytorch_tanh", "relu"])
def test_activations(activation: str, tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "model", "bert", hidden_act=activation)
    want = pooled(reference(checkpoint).last_hidden_state, "mean")
    assert run(compiled(checkpoint)) == pytest.approx(want, abs=1e-4)


def test_names_of_the_first_checkpoints(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "model", "bert")
    path = checkpoint.folder / "model.safetensors"
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    renamed = {}
    for name, values in load_file(path).items():
        for new, before in old.items():
            name = name.replace(new, before)
        renamed[name] = values
    save_file(renamed, path)
    want = pooled(reference(checkpoint).last_hidden_state, "mean")
    assert run(compiled(checkpoint)) == pytest.approx(want, abs=1e-4)


def test_positions_before_a_text_are_none(tmp_path: Path) -> None:
    """RoBERTa counts positions from the padding token's id on, so that many less can be used."""
    assert facts_of(Checkpoint(tmp_path / "a", "xlm-roberta").files).context_length == 38
    assert facts_of(Checkpoint(tmp_path / "b", "bert").files).context_length == 40


def test_the_tokenizer_has_a_limit_too(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "model", "bert")
    for limit, want in ((30, 30), (10**30, 40), (None, 40)):
        checkpoint.write("tokenizer_config.json", {"model_max_length": limit})
        assert facts_of(checkpoint.files).context_length == want


def test_prompts(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "model", "bert")
    prompts = {"query": "query: ", "document": ""}
    content = {"prompts": prompts, "default_prompt_name": "query", "similarity_fn_name": "cosine"}
    checkpoint.write("config_sentence_transformers.json", content)
    description = describe(compiled(checkpoint))
    assert description["prompts"] == {"query": "query: "}
    assert description["default_prompt"] == "query"


SCORES = {
    "single": (None, "softmax"),
    "multi": ("multi_label_classification", "sigmoid"),
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("problem", SCORES)
def test_classifiers(family: str, problem: str, tmp_path: Path) -> None:
    name, activation = SCORES[problem]
    labels = {0: "fine", 1: "spam", 2: "attack"}
    checkpoint = Checkpoint(
        tmp_path / "model", family, head=True, id2label=labels, problem_type=name
    )
    logits = reference(checkpoint).logits
    want = logits.softmax(1) if activation == "softmax" else logits.sigmoid()
    folder = compiled(checkpoint)
    assert run(folder) == pytest.approx(want.numpy(), abs=1e-4)
    assert run(compiled(checkpoint, "int8")) == pytest.approx(want.numpy(), abs=0.05)
    description = describe(folder)
    assert description["labels"] == ["fine", "spam", "attack"]
    assert (description["kind"], description["decisive"]) == ("classifier", None)
    assert description["exclusive"] is (problem == "single")
    assert facts_of(checkpoint.files).kind == "classifier"
    assert facts_of(checkpoint.files).embedding_dimension is None


@pytest.mark.parametrize("family", FAMILIES)
def test_rerankers(family: str, tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "model", family, head=True, num_labels=1)
    types = {"token_type_ids": TYPES} if family == "bert" else {}
    want = reference(checkpoint, **types).logits
    folder = compiled(checkpoint)
    assert run(folder, **types) == pytest.approx(want.sigmoid().numpy(), abs=1e-4)
    assert describe(folder)["token_types"] is (family == "bert")
    assert facts_of(checkpoint.files).kind == "reranker"
    plain = {**checkpoint.config, "sentence_transformers": {"activation_fn": "torch.nn.Identity"}}
    checkpoint.write("config.json", plain)
    assert run(compiled(checkpoint), **types) == pytest.approx(want.numpy(), abs=1e-4)


def write_dense(checkpoint: Checkpoint) -> None:
    checkpoint.write("modules.json", [{"path": "2_Dense", "type": "x.models.Dense"}])


def write_unpooled_prompt(checkpoint: Checkpoint) -> None:
    checkpoint.write("modules.json", [{"path": "1_Pooling", "type": "x.Pooling"}])
    checkpoint.write("1_Pooling/config.json", {"pooling_mode": "mean", "include_prompt": False})
    checkpoint.write("config_sentence_transformers.json", {"prompts": {"query": "q: "}})


def write_folder(checkpoint: Checkpoint) -> None:
    checkpoint.write("modules.json", [{"path": "0_Transformer", "type": "x.Transformer"}])


def write_default(checkpoint: Checkpoint) -> None:
    checkpoint.write("config_sentence_transformers.json", {"default_prompt_name": "query"})


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (write_dense, UnsupportedError, "`Dense`"),
        (write_unpooled_prompt, UnsupportedError, "leaves the prompt out"),
        (write_folder, UnsupportedError, "`0_Transformer`"),
        (write_default, CorruptFileError, "no prompt `query`"),
    ],
)
def test_what_has_no_converter(
    spoil: Any, error: type[Exception], message: str, tmp_path: Path
) -> None:
    checkpoint = Checkpoint(tmp_path / "model", "bert")
    spoil(checkpoint)
    with pytest.raises(error, match=message):
        facts_of(checkpoint.files)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"problem_type": "regression"}, "`regression`"),
        ({"id2label": {"0": "a", "1": "a"}}, "every label once"),
        ({"id2label": {"0": "a", "5": "b"}}, "every label once"),
        ({"id2label": {"0": "a"}, "sbert_ce_default_activation_function": "x.Tanh"}, "`x.Tanh`"),
    ],
)
def test_heads_without_a_converter(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "model", "bert", head=True)
    checkpoint.write("config.json", {**checkpoint.config, **change})
    with pytest.raises((UnsupportedError, CorruptFileError), match=message):
        facts_of(checkpoint.files)
