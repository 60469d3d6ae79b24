"""How fast a language model reads and writes, through HTTP: ours and llama.cpp on the same file."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from stackc.cache import cache_dir
from stackc.lock import parse
from stackc.models.sources.source import materialise, parse_source

from bench.chat import Stream, ask
from bench.peers import node_with, python_with
from bench.results import Result, median
from bench.servers import PROGRAMS, Running, Server, running

GROUP = "engine"
LOCK = Path(__file__).parent.parent / "distributions/starter.lock"
XLLAMACPP = "xllamacpp==2026.10.11549"
NODE_LLAMA = ("node-llama-cpp@3.22.1", "@node-llama-cpp/linux-x64@3.22.1")

SLOTS = 8
PARALLEL = (1, 4, 8)
WRITTEN = 96
# Some 450 and some 120 tokens. Every prompt begins with a number of its own, so that none is cached.
LONG = "The quick brown fox jumps over the lazy dog near the old stone bridge. " * 30
SHORT = "The quick brown fox jumps over the lazy dog near the old stone bridge. " * 7


def peers() -> Iterator[Server]:
    """llama.cpp twice. Raises MissingError where one cannot be installed."""
    threads = str(len(os.sched_getaffinity(0)))
    arguments = (str(_gguf()), str(SLOTS), threads)
    yield Server(
        "llama.cpp (xllamacpp)",
        (python_with(XLLAMACPP), str(PROGRAMS / "llamacpp.py"), *arguments),
        path="/health",
    )
    folder = node_with(*NODE_LLAMA)
    yield Server(
        "llama.cpp (node-llama-cpp)",
        ("node", str(PROGRAMS / "llamacpp.mjs"), *arguments),
        folder=folder,
        path="/health",
    )


def _gguf() -> Path:
    """The file that the starter is compiled from."""
    model = next(each for each in parse(LOCK.read_text()).models if each.model_type == "llm")
    source = parse_source(model.source)
    files = materialise(source, model.files, LOCK.parent, cache_dir(), lambda done, total: None)
    return next(iter(files.values()))


def measure(servers: Sequence[Server], *, rounds: int) -> Iterator[Result]:
    """Of each server, the first of which is ours; the others are what it is compared with."""
    found: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for _ in range(rounds):
        for server in servers:
            for what, unit, value in _cold(server):
                found[server.name, what, unit].append(value)
    with ExitStack() as stack:
        started = [stack.enter_context(running(server)) for server in servers]
        for each in started:
            _together(each, 1, 8)
        for _ in range(rounds):
            for each in started:
                for what, unit, value in _round(each):
                    found[each.name, what, unit].append(value)
        for each in started:
            found[each.name, "memory afterwards", "MB"].append(each.resident_megabytes())
    ours = servers[0].name
    for what, unit in dict.fromkeys((what, unit) for _, what, unit in found):
        yardstick = median(found[ours, what, unit])
        for server in servers:
            value = median(found[server.name, what, unit])
            yield Result(GROUP, server.name, what, value, unit, yardstick)


def _cold(server: Server) -> Iterator[tuple[str, str, float]]:
    """From the start of the process to the first token."""
    began = time.perf_counter()
    with running(server) as started:
        yield "cold start to the first token", "s", ask(started, _task(), 2).first - began


def _round(server: Running) -> Iterator[tuple[str, str, float]]:
    read = ask(server, f"{_number()} {LONG}", 1)
    yield "prefill", "tokens/s", read.prompt_tokens / (read.first - read.asked)
    for parallel in PARALLEL:
        yield f"decode, {parallel} at once", "tokens/s", _together(server, parallel, WRITTEN)
    idle = ask(server, f"{_number()} {SHORT}", 1)
    yield "first token, idle", "ms", 1000 * (idle.first - idle.asked)
    busy = _while_busy(server)
    yield "first token, 4 others writing", "ms", 1000 * (busy.first - busy.asked)
    slower = (busy.first - busy.asked) / (idle.first - idle.asked)
    yield "first token, busy to idle", "times", slower


def _together(server: Running, parallel: int, tokens: int) -> float:
    """Tokens a second of all streams together, from the first token to the last."""
    with ThreadPoolExecutor(parallel) as pool:
        streams = list(pool.map(lambda prompt: ask(server, prompt, tokens), _tasks(parallel)))
    span = max(each.last for each in streams) - min(each.first for each in streams)
    return sum(each.completion_tokens for each in streams) / span


def _while_busy(server: Running) -> Stream:
    """A request that arrives while four others are writing."""
    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(ask, server, prompt, 3 * WRITTEN) for prompt in _tasks(4)]
        time.sleep(0.6)
        late = ask(server, f"{_number()} {SHORT}", 1)
        for each in writing:
            each.result()
    return late


def _tasks(count: int) -> list[str]:
    return [_task() for _ in range(count)]


def _task() -> str:
    return f"{_number()} Write a very long story about a lighthouse and the sea, in many chapters."


def _number() -> str:
    """Told apart from all others by its first token already."""
    return f"{time.perf_counter_ns() % 10**7}"[::-1]
