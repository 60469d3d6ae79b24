"""A small retrieval set: the compiled MiniLM ranks as the reference implementation does."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from stackc.models.compile import ModelOptions, compile_model
from tokenizers import Tokenizer
from transformers import BertModel

from .conftest import Files, quiet

ROWS = [
    line.split("\t") for line in Path(__file__).with_name("retrieval.tsv").read_text().splitlines()
]
TEXTS = [query for query, _ in ROWS] + [passage for _, passage in ROWS]

Floats = NDArray[np.float32]


@pytest.fixture(scope="module")
def inputs(minilm: Files) -> dict[str, NDArray[np.int64]]:
    tokenizer = Tokenizer.from_file(str(minilm["tokenizer.json"]))
    tokenizer.enable_truncation(256)
    tokenizer.enable_padding()
    encoded = tokenizer.encode_batch(TEXTS)
    return {
        "input_ids": np.array([each.ids for each in encoded]),
        "attention_mask": np.array([each.attention_mask for each in encoded]),
    }


@pytest.fixture(scope="module")
def reference(
    minilm: Files, inputs: dict[str, NDArray[np.int64]], tmp_path_factory: pytest.TempPathFactory
) -> Floats:
    folder = tmp_path_factory.mktemp("minilm")
    for name in ("config.json", "model.safetensors"):
        (folder / name).symlink_to(minilm[name])
    tensors = {name: torch.from_numpy(values) for name, values in inputs.items()}
    with torch.no_grad():
        hidden = BertModel.from_pretrained(folder).eval()(**tensors).last_hidden_state
    mask = tensors["attention_mask"][..., None]
    mean = (hidden * mask).sum(1) / mask.sum(1)
    vectors: Floats = torch.nn.functional.normalize(mean).numpy()
    return vectors


def places(vectors: Floats) -> NDArray[np.int64]:
    """For each query, how many passages are ranked before the one that answers it."""
    queries, passages = np.split(vectors, 2)
    scores = queries @ passages.T
    before: NDArray[np.int64] = (scores > np.diag(scores)[:, None]).sum(axis=1)
    return before


def ndcg(vectors: Floats) -> float:
    """nDCG@10 with one relevant passage for each query (Järvelin and Kekäläinen, 2002)."""
    before = places(vectors)
    return float(np.where(before < 10, 1 / np.log2(before + 2), 0).mean())


@pytest.mark.parametrize("quantization", ["int8", "fp32"])
def test_ranks_as_the_reference(
    quantization: str,
    minilm: Files,
    inputs: dict[str, NDArray[np.int64]],
    reference: Floats,
    compiled_cache: Path,
) -> None:
    options = ModelOptions(quantization)
    folder = compile_model("minilm", minilm, options, compiled_cache, quiet).folder
    session = onnxruntime.InferenceSession(
        folder / "model.onnx", providers=["CPUExecutionProvider"]
    )
    (vectors,) = session.run(["sentence_embedding"], inputs)
    assert (vectors * reference).sum(axis=1).min() > 0.999
    assert places(vectors).tolist() == places(reference).tolist()
    assert ndcg(vectors) == ndcg(reference)
    assert 0.8 < ndcg(reference) < 1
