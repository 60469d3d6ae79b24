"""One streamed chat completion, timed: the client of all comparisons of language models."""

from __future__ import annotations

import http.client
import json
import time
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from bench.servers import Running

# So that no text ends by itself: what ends it in the starter's model is as unlikely as can be.
ENDLESS = {"0": -100, "2": -100}


@dataclass(frozen=True)
class Stream:
    """When a streamed answer began and ended, in seconds, and its size in tokens."""

    asked: float
    first: float
    last: float
    prompt_tokens: int
    completion_tokens: int


def ask(server: Running, prompt: str, tokens: int) -> Stream:
    """The answer of exactly so many tokens."""
    body = {
        "model": "onnx/smollm2-135m-instruct",
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": tokens,
        "temperature": 0,
        "logit_bias": ENDLESS,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    headers = {"content-type": "application/json"}
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)) as connection:
        asked = time.perf_counter()
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        return _timed(asked, connection.getresponse())


def _timed(asked: float, response: http.client.HTTPResponse) -> Stream:
    times: list[float] = []
    usage: dict[str, Any] = {}
    for line in response:
        if line.startswith(b"data: {"):
            chunk = json.loads(line.removeprefix(b"data: "))
            usage = chunk.get("usage") or usage
            if any(choice["delta"].get("content") for choice in chunk["choices"]):
                times.append(time.perf_counter())
    if not times:
        raise RuntimeError(f"the model wrote nothing: {response.status}")
    return Stream(asked, times[0], times[-1], usage["prompt_tokens"], usage["completion_tokens"])
