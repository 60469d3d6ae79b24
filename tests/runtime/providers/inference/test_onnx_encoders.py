"""Rerankers, classifiers and prompted embeddings of the embedded engine, against transformers."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from encoder_checkpoints import Checkpoint
from stackc.models.compile import ModelOptions, compile_model
from stackrt.apis.models import Model, ModelType
from stackrt.engine.classification import MAX_WINDOWS, ClassifierModel
from stackrt.engine.embedding import EmbeddingModel
from stackrt.engine.rerank import RerankModel
from stackrt.errors import ApiError
from stackrt.providers.inference.onnx import Onnx
from stackrt.providers.inference.openai import OpenAICompatible
from tokenizers import Tokenizer

PROMPTS = {
    "prompts": {"query": "w1 w2 ", "passage": "w3 ", "other": "w4 w5 w6 "},
    "default_prompt_name": "other",
}


def model(name: str, model_type: ModelType) -> Model:
    return Model(
        identifier=f"onnx/{name}",
        provider_id="onnx",
        provider_resource_id=name,
        model_type=model_type,
    )


RERANK = model("bert-reranker", "rerank")
ROBERTA = model("roberta-reranker", "rerank")
BINARY = model("binary", "classifier")
TOPICS = model("topics", "classifier")
TAGS = model("tags", "classifier")
PROMPTED = model("prompted", "embedding")


@dataclass
class Served:
    """The provider, and the checkpoints that its models are of."""

    onnx: Onnx
    checkpoints: dict[str, Checkpoint]


def _silent(done: int, whole: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("encoders")
    topics = {0: "sport", 1: "money", 2: "art"}
    multi = "multi_label_classification"
    checkpoints = {
        "bert-reranker": Checkpoint(root / "a", "bert", head=True, num_labels=1),
        "roberta-reranker": Checkpoint(root / "b", "roberta", head=True, num_labels=1),
        "binary": Checkpoint(root / "c", "distilbert", head=True, id2label={0: "fine", 1: "bad"}),
        "topics": Checkpoint(root / "d", "xlm-roberta", head=True, id2label=topics),
        "tags": Checkpoint(root / "e", "bert", head=True, id2label=topics, problem_type=multi),
        "prompted": Checkpoint(root / "f", "bert"),
    }
    checkpoints["prompted"].write("config_sentence_transformers.json", PROMPTS)
    kinds = {"rerank": RerankModel, "classifier": ClassifierModel, "embedding": EmbeddingModel}
    models: list[Any] = []
    for each in (RERANK, ROBERTA, BINARY, TOPICS, TAGS, PROMPTED):
        name = each.provider_resource_id
        files, options = checkpoints[name].files, ModelOptions("fp32")
        folder = compile_model(name, files, options, root / "cache", _silent).folder
        models.append(kinds[each.model_type](name=name, path=folder))
    onnx = Onnx(models=models, max_queue=4)
    yield Served(onnx, checkpoints)
    asyncio.run(onnx.close())


def rerank(served: Served, which: Model = RERANK, **fields: Any) -> Any:
    request: Any = {"model": which.identifier, **fields}
    return json.loads(asyncio.run(served.onnx.rerank(which, request)))


def logits(checkpoint: Checkpoint, text: str, pair: str | None = None) -> torch.Tensor:
    tokenizer = Tokenizer.from_file(str(checkpoint.folder / "tokenizer.json"))
    encoding = tokenizer.encode(text, pair)
    feed = {"input_ids": torch.tensor([encoding.ids])}
    if pair is not None and checkpoint.config["model_type"] == "bert":
        feed["token_type_ids"] = torch.tensor([encoding.type_ids])
    with torch.no_grad():
        found: torch.Tensor = checkpoint.model(**feed).logits[0]
    return found


ITEMS = ["w10 w11", "w12", "w13 w14 w15 w16 w17 w18", "w19 w20", "w21 w22 w23"]


@pytest.mark.parametrize("which", [RERANK, ROBERTA], ids=["bert", "roberta"])
def test_items_are_ordered_as_by_transformers(served: Served, which: Model) -> None:
    checkpoint = served.checkpoints[which.provider_resource_id]
    want = [logits(checkpoint, "w1 w2 w3", item).sigmoid().item() for item in ITEMS]
    answer = rerank(served, which, query="w1 w2 w3", items=ITEMS)
    assert answer.keys() == {"data"}
    found = {each["index"]: each["relevance_score"] for each in answer["data"]}
    assert [found[index] for index in range(len(ITEMS))] == pytest.approx(want, abs=1e-4)
    scores = [each["relevance_score"] for each in answer["data"]]
    assert scores == sorted(scores, reverse=True)
    assert len(set(np.round(scores, 3))) > 1


def test_parts_and_a_limit(served: Served) -> None:
    items = [{"type": "text", "text": item} for item in ITEMS]
    whole = rerank(served, query="w1", items=ITEMS)["data"]
    query = {"type": "text", "text": "w1"}
    assert rerank(served, query=query, items=items, max_num_results=2)["data"] == whole[:2]
    assert rerank(served, query="w1", items=items, max_num_results=99)["data"] == whole


IMAGE = {"type": "image_url", "image_url": {"url": "x"}}


@pytest.mark.parametrize(
    ("status", "param", "fields"),
    [
        (400, "items", {"items": []}),
        (400, "items", {"items": ["w1"] * 2049}),
        (400, "items", {"items": ["w1 " * 50]}),
        (400, "items", {"items": ["w1 " * 5_000_000]}),
        (400, "items", {"query": "w1 " * 50}),
        (400, "items.1", {"items": ["w1", ""]}),
        (400, "items.0", {"items": [{"type": "text"}]}),
        (400, "items.0", {"items": [{"text": "w1"}]}),
        (400, "query", {"query": ""}),
        (501, "query", {"query": IMAGE}),
        (501, "items.1", {"items": ["w1", IMAGE]}),
        (400, "max_num_results", {"max_num_results": 0}),
        (400, "top_n", {"top_n": 3}),
    ],
)
def test_refusals_of_rerank(
    served: Served, status: int, param: str, fields: dict[str, Any]
) -> None:
    with pytest.raises(ApiError) as caught:
        rerank(served, **{"query": "w1", "items": ["w2"], **fields})
    assert (caught.value.status, caught.value.param) == (status, param)
    assert rerank(served, query="w1", items=["w2"])["data"]


def test_a_remote_provider_does_not_rerank() -> None:
    provider = OpenAICompatible(base_url="http://127.0.0.1:1")
    request: Any = {"model": "x/y", "query": "a", "items": ["b"]}
    with pytest.raises(
        ApiError, match="reranking is not supported by the provider `onnx`"
    ) as error:
        asyncio.run(provider.rerank(RERANK, request))
    assert error.value.status == 501


def classify(served: Served, which: Model, texts: list[str]) -> Any:
    return asyncio.run(served.onnx.classify(which, texts))


TEXTS = ["w7", "w30 w31 w32", "w55 w1 w2 w3 w4", ""]


def test_one_of_several_classes(served: Served) -> None:
    for text, found in zip(TEXTS, classify(served, TOPICS, TEXTS), strict=True):
        want = logits(served.checkpoints["topics"], text).softmax(0).tolist()
        assert list(found.scores.values()) == pytest.approx(want, abs=1e-4)
        assert found.labels == (max(found.scores, key=found.scores.__getitem__),)


def test_several_classes(served: Served) -> None:
    for text, found in zip(TEXTS, classify(served, TAGS, TEXTS), strict=True):
        want = logits(served.checkpoints["tags"], text).sigmoid().tolist()
        assert list(found.scores.values()) == pytest.approx(want, abs=1e-4)
        chosen = {label for label, score in found.scores.items() if score >= 0.5}
        assert set(found.labels) == chosen


def test_a_long_text_is_as_bad_as_its_worst_window(served: Served) -> None:
    words = [f"w{(7 * each) % 60}" for each in range(120)]
    (found,) = classify(served, BINARY, [" ".join(words)])
    # 40 tokens of the model less two special ones, a quarter of which the next window repeats.
    starts = [*range(0, len(words) - 38, 29), len(words) - 38]
    checkpoint = served.checkpoints["binary"]
    windows = [" ".join(words[start : start + 38]) for start in starts]
    scores = [logits(checkpoint, window).softmax(0)[1].item() for window in windows]
    assert found.scores["bad"] == pytest.approx(max(scores), abs=1e-4)
    assert found.labels == ("bad" if max(scores) >= 0.5 else "fine",)


def test_texts_that_cannot_be_classified(served: Served) -> None:
    assert classify(served, BINARY, []) == []
    for text in ("w1 " * (38 * MAX_WINDOWS), "w1 " * 5_000_000):
        with pytest.raises(ApiError) as caught:
            classify(served, BINARY, [text])
        assert (caught.value.status, caught.value.code) == (400, "context_length_exceeded")
    with pytest.raises(ApiError) as caught:
        classify(served, RERANK, ["w1"])
    assert caught.value.status == 404


def embed(served: Served, given: Any, **fields: Any) -> list[list[float]]:
    request: Any = {"model": PROMPTED.identifier, "input": given, **fields}
    answer = json.loads(asyncio.run(served.onnx.embeddings(PROMPTED, request)))
    return [each["embedding"] for each in answer["data"]]


PLAIN = "w40 w41"


@pytest.mark.parametrize(
    ("fields", "prompt"),
    [
        ({}, "w4 w5 w6 "),
        ({"input_type": "query"}, "w1 w2 "),
        ({"task_type": "query"}, "w1 w2 "),
        ({"input_type": "search_query"}, "w1 w2 "),
        ({"task_type": "document"}, "w3 "),
        ({"input_type": "PASSAGE"}, "w3 "),
        ({"prompt_name": "other"}, "w4 w5 w6 "),
        ({"prompt_name": "passage", "input_type": "query"}, "w3 "),
    ],
)
def test_prompts(served: Served, fields: dict[str, str], prompt: str) -> None:
    checkpoint = served.checkpoints["prompted"]
    tokenizer = Tokenizer.from_file(str(checkpoint.folder / "tokenizer.json"))
    ids = torch.tensor([tokenizer.encode(prompt + PLAIN).ids])
    with torch.no_grad():
        want = checkpoint.model(input_ids=ids).last_hidden_state[0].mean(0).tolist()
    assert embed(served, PLAIN, **fields)[0] == pytest.approx(want, abs=1e-4)
    assert embed(served, ids.tolist(), **fields)[0] == pytest.approx(want, abs=1e-4)


@pytest.mark.parametrize(
    ("param", "fields"),
    [
        ("prompt_name", {"prompt_name": "none"}),
        ("input_type", {"input_type": "clustering"}),
        ("task_type", {"task_type": 3}),
        ("truncate", {"truncate": "middle"}),
        ("truncate", {"truncate": "start"}),
        ("text_truncation", {"text_truncation": True}),
        ("input", {"input": "w1 " * 50}),
        ("input", {"input": "w1 " * 50, "truncate": "none"}),
        ("input", {"input": []}),
        ("input", {"input": [""]}),
        ("input", {"input": [[]]}),
        ("input", {"input": [[1, 65]]}),
    ],
)
def test_refusals_of_embeddings(served: Served, param: str, fields: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as caught:
        embed(
            served,
            **{"given": PLAIN, **{("given" if k == "input" else k): v for k, v in fields.items()}},
        )
    assert (caught.value.status, caught.value.param) == (400, param)


def test_inputs_that_are_cut(served: Served) -> None:
    words = [f"w{each}" for each in range(60)]
    text = " ".join(words)
    first = embed(served, text, truncate="END", prompt_name="passage")
    assert first == embed(served, " ".join(words[:37]), prompt_name="passage")
    ids = [0, *range(4, 64), 2]
    assert embed(served, [ids], truncate="end") == embed(served, [ids[:40]])
    assert embed(served, [ids], text_truncation="start") == embed(served, [ids[-40:]])


def test_only_special_tokens(served: Served) -> None:
    assert np.isfinite(embed(served, [[0, 2], [1, 1, 1], [2]])).all()
    assert np.isfinite(embed(served, ["</s> <s> <pad>", "\u0000", "\U0001f600"])).all()
