"""Many clients at once, some of whom leave: is every text the one that it would be alone?"""

from __future__ import annotations

import http.client
import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from bench.results import Result
from bench.servers import Running, Server, running

GROUP = "soak"
CLIENTS = 64
DISTINCT = 60
LEAVING = 0.3
WORDS = [
    "the",
    "old",
    "harbour",
    "slept",
    "while",
    "ships",
    "sailed",
    "past",
    "a",
    "silver",
    "moon",
]

Request = Mapping[str, Any]


@dataclass
class Tally:
    """What became of the requests; seconds until the first token of those that got one."""

    finished: int = 0
    left: int = 0
    refused: int = 0
    lost: int = 0
    mixed_up: int = 0
    first: list[float] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def add(self, what: str) -> None:
        """One more of `what`."""
        with self.lock:
            setattr(self, what, getattr(self, what) + 1)


def measure(server: Server, *, requests: int) -> Iterator[Result]:
    """Raises RuntimeError if a text was lost or is another than alone."""
    made = [_request(number) for number in range(DISTINCT)]
    tally = Tally()
    with running(server) as started:
        alone = [_text(started, request) for request in made]
        memory = [started.resident_megabytes()]
        for part in range(4):
            _load(started, made, alone, requests // 4, tally, seed=part)
            memory.append(started.resident_megabytes())
    tally.first.sort()
    for what in ("finished", "left", "refused", "lost", "mixed_up"):
        yield Result(GROUP, server.name, what.replace("_", " "), getattr(tally, what), "requests")
    for share in (50, 99):
        first = tally.first[len(tally.first) * share // 100]
        yield Result(GROUP, server.name, f"first token, p{share}", first, "s")
    for quarter, megabytes in enumerate(memory):
        what = f"memory after {25 * quarter} %"
        yield Result(GROUP, server.name, what, megabytes, "MB", memory[1])
    if tally.lost or tally.mixed_up:
        raise RuntimeError(f"{tally.lost} requests lost, {tally.mixed_up} mixed up")


def _request(number: int) -> Request:
    """One of the distinct requests: greedy or seeded, a long or a short prompt."""
    rng = random.Random(number)
    words = [rng.choice(WORDS) for _ in range(rng.choice([1, 5, 30, 200]))]
    return {
        "model": "onnx/smollm2-135m-instruct",
        "messages": [{"role": "user", "content": " ".join(words)}],
        "max_tokens": rng.randint(4, 40),
        "temperature": rng.choice([0, 1]),
        "seed": number,
        "stream": True,
    }


def _load(
    server: Running,
    made: Sequence[Request],
    alone: Sequence[str],
    count: int,
    tally: Tally,
    *,
    seed: int,
) -> None:
    rng = random.Random(seed)
    chosen = [(rng.randrange(len(made)), rng.random() < LEAVING) for _ in range(count)]

    def client(job: tuple[int, bool]) -> None:
        which, leaves = job
        _client(server, made[which], alone[which], leaves, tally)

    with ThreadPoolExecutor(CLIENTS) as pool:
        for _ in pool.map(client, chosen):
            continue


def _client(server: Running, request: Request, wanted: str, leaves: bool, tally: Tally) -> None:
    asked = time.perf_counter()
    try:
        text = ""
        for piece in _pieces(server, request):
            if piece and not text:
                tally.first.append(time.perf_counter() - asked)
            text += piece
            if leaves and len(text) > 10:
                tally.add("left")
                return
    except RefusedError:
        tally.add("refused")
        time.sleep(0.2)
        _client(server, request, wanted, leaves, tally)
    except (OSError, http.client.HTTPException, ValueError):
        tally.add("lost")
    else:
        tally.add("finished" if text == wanted else "mixed_up")


class RefusedError(Exception):
    """The queue is full: the client is told to come back."""


def _text(server: Running, request: Request) -> str:
    return "".join(_pieces(server, request))


def _pieces(server: Running, request: Request) -> Iterator[str]:
    """The text of a streamed answer as it comes. Raises ValueError if it breaks off."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=300)) as connection:
        headers = {"content-type": "application/json"}
        connection.request("POST", "/v1/chat/completions", json.dumps(request), headers)
        response = connection.getresponse()
        if response.status == 429:
            raise RefusedError
        reason = None
        for line in response:
            if line.startswith(b"data: {"):
                choice = json.loads(line.removeprefix(b"data: "))["choices"][0]
                reason = choice["finish_reason"] or reason
                yield choice["delta"].get("content") or ""
        if reason is None:
            raise ValueError("the stream ended without a reason")
