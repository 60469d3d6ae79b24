"""What goes over the wire, byte for byte but for ids and times: OpenAI's shapes, held by snapshots.

A bias of 100 on one token makes the answer the same on every machine.
"""

import json
import re
import urllib.error
import urllib.request
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

CHAT = "onnx/smollm2-135m-instruct"
FORCED: dict[str, Any] = {
    "model": CHAT,
    "max_tokens": 2,
    "temperature": 0,
    "logit_bias": {"28": 100},
}
MESSAGES = [{"role": "user", "content": "hi"}]


def exchange(url: str, body: bytes | None = None, method: str | None = None) -> dict[str, Any]:
    """Status, type and text of an answer, its ids, times and hits of the cache made the same."""
    request = urllib.request.Request(url, data=body, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            status, headers, text = answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        status, headers, text = error.code, error.headers, error.read().decode()
    text = re.sub(r'"(chatcmpl|cmpl)-[0-9a-f]+"', r'"\1-ID"', text)
    text = re.sub(r'"created":\d{10}', '"created":TIME', text)
    # What is in the cache depends on what was asked before.
    text = re.sub(r'"cached_tokens":\d+', '"cached_tokens":COUNT', text)
    if '"metrics"' in text:
        text = re.sub(r'_tokens(_per_second)?":[\d.]+', r'_tokens\1":COUNT', text)
    return {"status": status, "type": headers["content-type"], "text": text.split("\n")}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("chat/completions", {**FORCED, "messages": MESSAGES}),
        ("chat/completions", {**FORCED, "messages": MESSAGES, "stream": True}),
        (
            "chat/completions",
            {
                **FORCED,
                "messages": MESSAGES,
                "stream": True,
                "stream_options": {"include_usage": True},
            },
        ),
        ("completions", {**FORCED, "prompt": "hi"}),
        ("completions", {**FORCED, "prompt": "hi", "stream": True}),
    ],
    ids=["chat", "chat stream", "chat stream with usage", "completion", "completion stream"],
)
def test_answers(starter: str, path: str, body: object, snapshot: SnapshotAssertion) -> None:
    assert exchange(f"{starter}/v1/{path}", json.dumps(body).encode()) == snapshot


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("chat/completions", b"{"),
        ("chat/completions", b"\xff"),
        ("chat/completions", b"{}"),
        ("chat/completions", b'{"model": "onnx/nope", "messages": []}'),
        ("chat/completions", b'{"model": "onnx/all-minilm-l6-v2", "messages": []}'),
        ("embeddings", b'{"model": "onnx/all-minilm-l6-v2", "input": ""}'),
        ("embeddings", b'{"model": "onnx/all-minilm-l6-v2", "input": "x", "dimensions": 999}'),
        ("nope", b"{}"),
        ("health", b"{}"),
    ],
)
def test_errors(starter: str, path: str, body: bytes, snapshot: SnapshotAssertion) -> None:
    assert exchange(f"{starter}/v1/{path}", body) == snapshot


@pytest.mark.parametrize("path", ["v1/models", "v1/providers", "v1/inspect/routes", "v1/version"])
def test_inventory(starter: str, path: str, snapshot: SnapshotAssertion) -> None:
    assert exchange(f"{starter}/{path}") == snapshot
