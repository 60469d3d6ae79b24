"""How fast a stack's own language model reads and writes, through HTTP."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from bench.results import Result, median
from bench.servers import Running, Server, running

# What is asked for: enough tokens that starting and ending a request does not count.
WRITTEN = 96
READ = "The quick brown fox jumps over the lazy dog near the old stone bridge. " * 30


@dataclass(frozen=True)
class Stream:
    """When a streamed answer began and ended, in seconds, and its size in tokens."""

    asked: float
    first: float
    last: float
    prompt_tokens: int
    completion_tokens: int


def measure(server: Server, *, rounds: int, parallel: int = 4) -> Iterator[Result]:
    """Tokens a second of prefill and decode, alone and `parallel` at a time."""
    with running(server) as stack:
        model = _model(stack)
        _ask(stack, model, "Hello.", 8)
        read = [_ask(stack, model, f"{number}. {READ}", 1) for number in range(rounds)]
        written = [_ask(stack, model, _task(number), WRITTEN) for number in range(rounds)]
        together = [_together(stack, model, parallel) for _ in range(rounds)]
        memory = stack.resident_megabytes()
    rates = {
        "prefill": median(each.prompt_tokens / (each.first - each.asked) for each in read),
        "decode": median(
            (each.completion_tokens - 1) / (each.last - each.first) for each in written
        ),
        f"decode, {parallel} at once": median(together),
    }
    for what, rate in rates.items():
        yield Result("language model", server.name, what, rate, "tokens/s")
    yield Result("language model", server.name, "memory afterwards", memory, "MB")


def _together(stack: Running, model: str, parallel: int) -> float:
    """Tokens a second of all streams together, from the first token to the last."""
    with ThreadPoolExecutor(parallel) as pool:
        streams = list(
            pool.map(lambda number: _ask(stack, model, _task(number), WRITTEN), range(parallel))
        )
    span = max(each.last for each in streams) - min(each.first for each in streams)
    return sum(each.completion_tokens for each in streams) / span


def _task(number: int) -> str:
    return f"{number}. Write a very long story about a lighthouse and the sea, in many chapters."


def _model(stack: Running) -> str:
    with closing(http.client.HTTPConnection("127.0.0.1", stack.port, timeout=60)) as connection:
        connection.request("GET", "/v1/models")
        listed = json.load(connection.getresponse())["data"]
    return next(str(model["id"]) for model in listed if model["model_type"] == "llm")


def _ask(stack: Running, model: str, prompt: str, tokens: int) -> Stream:
    body = {
        "model": model,
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": tokens,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    with closing(http.client.HTTPConnection("127.0.0.1", stack.port, timeout=600)) as connection:
        asked = time.perf_counter()
        connection.request("POST", "/v1/chat/completions", json.dumps(body))
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
