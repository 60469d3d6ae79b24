"""Compiled sentence encoders against transformers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from stackc.models.compile import ModelOptions, compile_model
from stackc.models.errors import (
    CorruptFileError,
    InvalidOptionError,
    MissingFileError,
    ModelError,
    UnsupportedArchitectureError,
    UnsupportedError,
    UnsupportedTensorTypeError,
)
from stackc.models.facts import facts_of
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

from .conftest import Files, quiet

Floats = NDArray[np.float32]

SENTENCES = [
    "The quick brown fox jumps over the lazy dog.",
    "Ein Satz über Katzen, Hunde und Mäuse.",
    "import numpy as np",
    "你好 世界",
    "What is the law about noise at night?",
    "word " * 300,
    "hi",
]


class OnnxEncoder:
    """A compiled encoder with its tokenizer."""

    def __init__(self, folder: Path) -> None:
        path = folder / "model.onnx"
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self.description = json.loads((folder / "model.json").read_text())
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(self.description["max_tokens"])
        self.tokenizer.enable_padding()

    def tokens(self, texts: list[str]) -> dict[str, NDArray[np.int64]]:
        encoded = self.tokenizer.encode_batch(texts)
        return {
            "input_ids": np.array([each.ids for each in encoded]),
            "attention_mask": np.array([each.attention_mask for each in encoded]),
        }

    def run(self, inputs: dict[str, NDArray[np.int64]]) -> Floats:
        (result,) = self.session.run(["sentence_embedding"], inputs)
        return np.asarray(result, np.float32)

    def embed(self, texts: list[str]) -> Floats:
        return self.run(self.tokens(texts))


@pytest.fixture(scope="module")
def fp32(minilm: Files, compiled_cache: Path) -> OnnxEncoder:
    options = ModelOptions("fp32")
    return OnnxEncoder(compile_model("minilm", minilm, options, compiled_cache, quiet).folder)


@pytest.fixture(scope="module")
def int8(minilm: Files, compiled_cache: Path) -> OnnxEncoder:
    options = ModelOptions()
    return OnnxEncoder(compile_model("minilm", minilm, options, compiled_cache, quiet).folder)


@pytest.fixture(scope="module")
def want(minilm: Files, fp32: OnnxEncoder, tmp_path_factory: pytest.TempPathFactory) -> Floats:
    folder = tmp_path_factory.mktemp("minilm")
    for name in ("config.json", "model.safetensors"):
        (folder / name).symlink_to(minilm[name])
    return reference(BertModel.from_pretrained(folder), fp32.tokens(SENTENCES))


def reference(model: Any, inputs: dict[str, NDArray[np.int64]], *, cls: bool = False) -> Floats:
    """Pooled and normalised as sentence-transformers does it."""
    tensors = {name: torch.from_numpy(values) for name, values in inputs.items()}
    with torch.no_grad():
        hidden = model.eval()(**tensors).last_hidden_state
    mask = tensors["attention_mask"][..., None].float()
    pooled = hidden[:, 0] if cls else (hidden * mask).sum(1) / mask.sum(1)
    normalised: Floats = torch.nn.functional.normalize(pooled).numpy()
    return normalised


def test_fp32_is_the_reference(fp32: OnnxEncoder, want: Floats) -> None:
    assert np.abs(fp32.embed(SENTENCES) - want).max() < 1e-5


def test_int8_points_the_same_way(int8: OnnxEncoder, want: Floats) -> None:
    cosines = (int8.embed(SENTENCES) * want).sum(axis=1)
    assert cosines.min() > 0.999


@pytest.mark.parametrize("name", ["fp32", "int8"])
def test_padding_changes_nothing(name: str, request: pytest.FixtureRequest) -> None:
    encoder: OnnxEncoder = request.getfixturevalue(name)
    together = encoder.embed(SENTENCES)
    alone = np.concatenate([encoder.embed([text]) for text in SENTENCES])
    assert np.abs(together - alone).max() < 1e-6


def test_embeddings_have_length_one(int8: OnnxEncoder) -> None:
    assert np.linalg.norm(int8.embed(SENTENCES), axis=1) == pytest.approx(1)


def test_a_row_without_tokens_is_zero(fp32: OnnxEncoder) -> None:
    inputs = fp32.tokens(SENTENCES[:2])
    inputs["attention_mask"][1] = 0
    assert np.abs(fp32.run(inputs)[0] - fp32.embed(SENTENCES[:1])[0]).max() < 1e-6
    assert np.isfinite(fp32.run(inputs)).all()


def test_artifact_describes_itself(int8: OnnxEncoder, minilm: Files) -> None:
    assert int8.description == {
        "kind": "encoder",
        "architecture": "bert",
        "embedding_dimension": 384,
        "max_tokens": 256,
        "pooling": "mean",
        "normalize": True,
        "prompts": {},
        "default_prompt": None,
        "vocab_size": 30522,
        "quantization": "int8",
    }
    facts = facts_of(minilm)
    assert (facts.kind, facts.architecture) == ("encoder", "bert")
    assert (facts.context_length, facts.embedding_dimension) == (256, 384)
    assert facts.quantizations == ("int8", "fp32", "fp16")


CONFIG = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 16,
    "type_vocab_size": 2,
    "vocab_size": 50,
    "layer_norm_eps": 1e-12,
}
TOKENIZER = {"added_tokens": [], "model": {"type": "WordPiece", "vocab": {"[UNK]": 0, "a": 49}}}
POOLING = {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}
MODULES = [
    {"path": "", "type": "sentence_transformers.models.Transformer"},
    {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
]


class SmallEncoder:
    """A random BERT in a folder; tests change its files before they compile it."""

    def __init__(self, folder: Path) -> None:
        torch.manual_seed(0)
        self.folder = folder
        self.model = BertModel(BertConfig(**CONFIG))
        self.weights = {name: each.numpy() for name, each in self.model.state_dict().items()}
        self.write("config.json", CONFIG)
        self.write("tokenizer.json", TOKENIZER)
        self.write("modules.json", MODULES)
        self.write("1_Pooling/config.json", POOLING)
        self.save_weights()

    def write(self, name: str, content: Any) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content))

    def save_weights(self) -> None:
        save_file(self.weights, self.folder / "model.safetensors")

    @property
    def files(self) -> Files:
        paths = [path for path in self.folder.rglob("*") if path.is_file()]
        return {path.relative_to(self.folder).as_posix(): path for path in paths}

    def compile(self, quantization: str = "fp32") -> onnxruntime.InferenceSession:
        cache = self.folder.parent / "cache"
        compiled = compile_model("m", self.files, ModelOptions(quantization), cache, quiet)
        return onnxruntime.InferenceSession(
            compiled.folder / "model.onnx", providers=["CPUExecutionProvider"]
        )


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallEncoder]:
    (tmp_path / "model").mkdir()
    yield SmallEncoder(tmp_path / "model")


INPUTS = {
    "input_ids": np.array([[1, 7, 49, 3, 0], [4, 5, 0, 0, 0]], np.int64),
    "attention_mask": np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]], np.int64),
}


def test_mean_pooling(small: SmallEncoder) -> None:
    (got,) = small.compile().run(None, INPUTS)
    assert np.abs(got - reference(small.model, INPUTS)).max() < 1e-5


def test_cls_pooling(small: SmallEncoder) -> None:
    pooling = {"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True}
    small.write("1_Pooling/config.json", pooling)
    (got,) = small.compile().run(None, INPUTS)
    assert np.abs(got - reference(small.model, INPUTS, cls=True)).max() < 1e-5


def test_without_modules_the_mean_is_not_normalised(small: SmallEncoder) -> None:
    (small.folder / "modules.json").unlink()
    (got,) = small.compile().run(None, INPUTS)
    norms = np.linalg.norm(got, axis=1, keepdims=True)
    assert np.abs(norms - 1).min() > 0.01
    assert np.abs(got / norms - reference(small.model, INPUTS)).max() < 1e-5


def test_int8(small: SmallEncoder) -> None:
    (got,) = small.compile("int8").run(None, INPUTS)
    assert (got * reference(small.model, INPUTS)).sum(axis=1).min() > 0.999


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_weights(small: SmallEncoder, dtype: torch.dtype) -> None:
    from safetensors.torch import save_file as save_tensors

    small.model = small.model.to(dtype).float()
    halves = {name: each.to(dtype) for name, each in small.model.state_dict().items()}
    save_tensors(halves, small.folder / "model.safetensors")
    (got,) = small.compile().run(None, INPUTS)
    assert np.abs(got - reference(small.model, INPUTS)).max() < 1e-5


def test_weights_under_a_prefix(small: SmallEncoder) -> None:
    small.weights = {f"bert.{name}": each for name, each in small.weights.items()}
    small.weights["cls.predictions.bias"] = np.zeros(50, np.float32)
    small.save_weights()
    (got,) = small.compile().run(None, INPUTS)
    assert np.abs(got - reference(small.model, INPUTS)).max() < 1e-5


def test_the_shorter_of_two_limits_holds(small: SmallEncoder) -> None:
    assert facts_of(small.files).context_length == 16
    small.write("sentence_bert_config.json", {"max_seq_length": 12})
    assert facts_of(small.files).context_length == 12
    small.write("sentence_bert_config.json", {"max_seq_length": 512})
    assert facts_of(small.files).context_length == 16
    small.write("sentence_bert_config.json", {"max_seq_length": None})
    assert facts_of(small.files).context_length == 16


def test_tokenizer_has_no_limits_of_its_own(small: SmallEncoder, tmp_path: Path) -> None:
    limits = {"truncation": {"max_length": 4}, "padding": {"strategy": {"Fixed": 4}}}
    small.write("tokenizer.json", {**TOKENIZER, **limits})
    folder = compile_model("m", small.files, ModelOptions(), tmp_path / "cache", quiet).folder
    content = json.loads((folder / "tokenizer.json").read_text())
    assert content == {**TOKENIZER, "truncation": None, "padding": None}


def test_context_length_is_no_option_of_an_encoder(small: SmallEncoder, tmp_path: Path) -> None:
    options = ModelOptions("int8", 8)
    with pytest.raises(InvalidOptionError, match="only a language model has one"):
        compile_model("m", small.files, options, tmp_path / "cache", quiet)


WRONG: dict[str, tuple[str, Any, type[ModelError], str]] = {
    "architecture": (
        "config.json",
        {**CONFIG, "model_type": "mpnet"},
        UnsupportedArchitectureError,
        "`mpnet` is not supported; supported: bert, distilbert, roberta, xlm-roberta",
    ),
    "activation": ("config.json", {**CONFIG, "hidden_act": "silu"}, UnsupportedError, "`silu`"),
    "two lines": ("config.json", {**CONFIG, "hidden_act": "a\nb"}, UnsupportedError, "`a b`"),
    "half a character": (
        "tokenizer.json",
        {**TOKENIZER, "version": "\ud800"},
        CorruptFileError,
        "not JSON",
    ),
    "positions": (
        "config.json",
        {**CONFIG, "position_embedding_type": "relative_key"},
        UnsupportedError,
        "`relative_key`",
    ),
    "heads": ("config.json", {**CONFIG, "num_attention_heads": 5}, CorruptFileError, "heads"),
    "layers": ("config.json", {**CONFIG, "num_hidden_layers": 3}, CorruptFileError, "layer.2"),
    "many layers": (
        "config.json",
        {**CONFIG, "num_hidden_layers": 1 << 30},
        ModelError,
        "no .* layers",
    ),
    "size": ("config.json", {**CONFIG, "hidden_size": 64}, CorruptFileError, "shape"),
    "no size": ("config.json", {**CONFIG, "vocab_size": "many"}, CorruptFileError, "`vocab_size`"),
    "no object": ("config.json", [1], CorruptFileError, "not a JSON object"),
    "module": (
        "modules.json",
        [*MODULES, {"path": "3_Dense", "type": "sentence_transformers.models.Dense"}],
        UnsupportedError,
        "`Dense`",
    ),
    "modules": ("modules.json", {"0": MODULES[0]}, CorruptFileError, "not a JSON array"),
    "pooling": (
        "1_Pooling/config.json",
        {**POOLING, "pooling_mode_max_tokens": True},
        UnsupportedError,
        r"`mean_tokens \+ max_tokens`",
    ),
    "no vocabulary": ("tokenizer.json", {"model": {}}, CorruptFileError, "vocabulary"),
    "too many tokens": (
        "tokenizer.json",
        {"added_tokens": [{"id": 50}], "model": {"vocab": {"a": 0}}},
        CorruptFileError,
        "more tokens",
    ),
}


@pytest.mark.parametrize("fault", WRONG)
def test_wrong_files(small: SmallEncoder, fault: str) -> None:
    name, content, error, message = WRONG[fault]
    small.write(name, content)
    with pytest.raises(error, match=message) as caught:
        small.compile()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer.json", "model.safetensors", "1_Pooling/config.json"]
)
def test_missing_and_broken_files(small: SmallEncoder, name: str) -> None:
    path = small.folder / name
    path.write_bytes(b'{"a": [')
    with pytest.raises(CorruptFileError, match=name):
        small.compile()
    path.unlink()
    with pytest.raises((MissingFileError, UnsupportedError), match=name):
        small.compile()


def test_unsupported_number_format(small: SmallEncoder) -> None:
    name = "encoder.layer.1.output.dense.weight"
    small.weights[name] = small.weights[name].astype(np.float64)
    small.save_weights()
    with pytest.raises(UnsupportedTensorTypeError, match=f"`{name}` has type F64"):
        small.compile()


def test_values_that_are_no_numbers(small: SmallEncoder) -> None:
    small.weights["encoder.layer.0.output.dense.bias"][3] = np.nan
    small.save_weights()
    with pytest.raises(CorruptFileError, match="holds infinite values or NaN"):
        small.compile("int8")
