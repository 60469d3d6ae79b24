"""How fast and how exact an embedding model is: ours through HTTP, sentence-transformers without."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from stackc.cache import cache_dir
from stackc.lock import parse
from stackc.models.sources.source import materialise, parse_source

from bench.language import LOCK
from bench.peers import python_with
from bench.results import Result, median
from bench.servers import PROGRAMS, Running, Server, running

GROUP = "embeddings"
PACKAGES = ("sentence-transformers==5.1.0", "torch==2.13.0")
MODEL = "onnx/all-minilm-l6-v2"
BATCH = 32

Vectors = NDArray[np.float64]


@dataclass(frozen=True)
class Reference:
    """sentence-transformers in a process of its own."""

    process: subprocess.Popen[str]
    seconds_to_start: float
    megabytes: float

    def embed(self, texts: Sequence[str]) -> tuple[float, Vectors]:
        """The seconds that it took, measured inside, and the vectors."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(texts) + "\n")
        self.process.stdin.flush()
        seconds, vectors = _answer(self.process.stdout)
        return seconds, np.array(vectors)


def _answer(stream: IO[str] | None) -> tuple[float, list[list[float]]]:
    line = stream.readline() if stream else ""
    if not line:
        raise RuntimeError("sentence-transformers ended")
    seconds, vectors = json.loads(line)
    return seconds, vectors


@contextmanager
def reference() -> Iterator[Reference]:
    """sentence-transformers on the files that the starter is compiled from."""
    python = python_with(*PACKAGES)
    command = [python, str(PROGRAMS / "reference_embeddings.py"), str(_folder())]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        seconds, megabytes = json.loads(process.stdout.readline())
        yield Reference(process, seconds, megabytes)
    finally:
        process.kill()
        process.wait()


def _folder() -> Path:
    """The model's files under their own names, as sentence-transformers wants them."""
    model = next(each for each in parse(LOCK.read_text()).models if each.model_type == "embedding")
    source = parse_source(model.source)
    files = materialise(source, model.files, LOCK.parent, cache_dir(), lambda done, total: None)
    folder = cache_dir() / "bench" / model.source.rpartition("/")[2]
    for name, path in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if not (folder / name).exists():
            (folder / name).symlink_to(path)
    return folder


def measure(server: Server, *, rounds: int) -> Iterator[Result]:
    """Milliseconds for one sentence, sentences a second in batches, and how equal they are."""
    single: dict[str, list[float]] = defaultdict(list)
    batch: dict[str, list[float]] = defaultdict(list)
    texts = _texts()
    with ExitStack() as stack:
        peer = stack.enter_context(reference())
        began = time.perf_counter()
        ours = stack.enter_context(running(server))
        start = time.perf_counter() - began
        _, wanted = peer.embed(texts)
        cosines = (wanted * _embed(ours, texts)[1]).sum(axis=1)
        for number in range(rounds * 8):
            for name, embed in ((server.name, lambda each: _embed(ours, each)), (PEER, peer.embed)):
                single[name].append(1000 * embed([texts[number % len(texts)]])[0])
                if number % 4 == 0:
                    batch[name].append(BATCH / embed(texts[number : number + BATCH])[0])
        memory = {server.name: ours.resident_megabytes(), PEER: peer.megabytes}
    loaded = {server.name: start, PEER: peer.seconds_to_start}
    for name in (server.name, PEER):
        yield _row(name, "start", loaded, "s", server)
        yield _row(name, "one sentence", {k: median(v) for k, v in single.items()}, "ms", server)
        yield _row(name, "batches of 32", {k: median(v) for k, v in batch.items()}, "/s", server)
        yield _row(name, "memory (ours: both models)", memory, "MB", server)
    yield Result(GROUP, server.name, "least cosine", float(cosines.min()), "")


PEER = "sentence-transformers"


def _row(name: str, what: str, values: dict[str, float], unit: str, server: Server) -> Result:
    return Result(GROUP, name, what, values[name], unit, values[server.name])


def _embed(server: Running, texts: Sequence[str]) -> tuple[float, Vectors]:
    """The seconds of the whole request, and the vectors."""
    body = json.dumps({"model": MODEL, "input": texts})
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
        connection.connect()
        asked = time.perf_counter()
        connection.request("POST", "/v1/embeddings", body, {"content-type": "application/json"})
        answer = connection.getresponse().read()
        seconds = time.perf_counter() - asked
    return seconds, np.array([each["embedding"] for each in json.loads(answer)["data"]])


def _texts() -> list[str]:
    """A hundred sentences of four to forty words."""
    words = ["the", "old", "harbour", "slept", "while", "ships", "sailed", "past", "a", "silver"]
    return [
        " ".join(words[(3 * number + step * step) % len(words)] for step in range(4 + number % 37))
        for number in range(100)
    ]
