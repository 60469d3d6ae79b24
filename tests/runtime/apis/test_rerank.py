"""POST /v1alpha/inference/rerank: what is refused before a provider ranks anything."""

from typing import Any

import pytest
from served import Served

PATH = "/v1alpha/inference/rerank"
REQUEST: dict[str, Any] = {"model": "openai/any", "query": "a", "items": ["b", "c"]}


def test_a_provider_without_reranking_says_so(gateway: Served) -> None:
    answer = gateway.ask("POST", PATH, REQUEST)
    assert answer.status == 501
    assert answer.error["message"] == "reranking is not supported by the provider `openai`"
    assert answer.headers["x-should-retry"] == "false"


@pytest.mark.parametrize(
    ("status", "param", "change"),
    [
        (400, "model", {"model": "openai/declared"}),
        (404, "model", {"model": "scripted/other"}),
        (400, "query", {"query": 3}),
        (400, "items", {"items": "b"}),
        (400, "items.1", {"items": ["b", None]}),
        (400, "max_num_results", {"max_num_results": "2"}),
    ],
)
def test_refusals(gateway: Served, status: int, param: str, change: dict[str, Any]) -> None:
    answer = gateway.ask("POST", PATH, {**REQUEST, **change})
    assert (answer.status, answer.error["param"]) == (status, param)


@pytest.mark.parametrize("field", ["model", "query", "items"])
def test_what_is_required(gateway: Served, field: str) -> None:
    answer = gateway.ask("POST", PATH, {key: REQUEST[key] for key in REQUEST if key != field})
    assert (answer.status, answer.error["param"]) == (400, field)


def test_half_a_character_is_no_text(gateway: Served) -> None:
    body = b'{"model": "openai/any", "query": "\\ud800", "items": ["b"]}'
    assert gateway.ask("POST", PATH, body).status == 400
