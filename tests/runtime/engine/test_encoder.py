"""Batches of encoders: what waits together runs together, and nothing is mixed up."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from encoder_checkpoints import Checkpoint
from stackc.models.compile import ModelOptions, compile_model
from stackrt.engine.encoder import BATCH_TOKENS, SPREAD, EncoderRunner, Row, _Job, next_batch
from stackrt.errors import ApiError


def _silent(done: int, whole: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("encoder")
    checkpoint = Checkpoint(root / "model", "bert")
    options = ModelOptions("fp32")
    return compile_model("m", checkpoint.files, options, root / "cache", _silent).folder


class Watched(EncoderRunner):
    """Notes the sizes of the batches, and can be held before each."""

    def __init__(self, folder: Path, *, max_queue: int = 64) -> None:
        super().__init__(
            folder,
            name="small",
            output="sentence_embedding",
            width=32,
            threads=1,
            max_queue=max_queue,
            device="cpu",
        )
        self.sizes: list[int] = []
        self.free = threading.Event()
        self.free.set()

    def _feed(self, rows: Any) -> dict[str, Any]:
        assert self.free.wait(10)
        self.sizes.append(len(rows))
        return super()._feed(rows)


@pytest.fixture
def runner(folder: Path) -> Iterator[Watched]:
    made = Watched(folder)
    yield made
    made.free.set()
    asyncio.run(made.close())


def row(length: int, start: int = 4) -> Row:
    return Row([0, *(4 + (start + step) % 50 for step in range(length - 2)), 2])


async def alone(runner: EncoderRunner, rows: list[Row]) -> np.ndarray:
    return np.concatenate([await runner.run([each]) for each in rows])


def test_requests_that_wait_share_a_run(runner: Watched) -> None:
    rows = [row(5 + index % 4, index) for index in range(12)]

    async def run() -> list[np.ndarray]:
        runner.free.clear()
        first = asyncio.create_task(runner.run([row(6)]))
        await asyncio.sleep(0.05)
        rest = [asyncio.create_task(runner.run([each])) for each in rows]
        await asyncio.sleep(0.05)
        runner.free.set()
        await first
        return await asyncio.gather(*rest)

    together = np.concatenate(asyncio.run(run()))
    assert runner.sizes == [1, 12]
    assert together == pytest.approx(asyncio.run(alone(runner, rows)), abs=1e-5)


def test_order_is_that_of_the_request(runner: Watched) -> None:
    rows = [row(3 + (7 * index) % 36, index) for index in range(40)]
    whole = asyncio.run(runner.run(rows))
    assert whole == pytest.approx(asyncio.run(alone(runner, rows)), abs=1e-5)


def test_nothing_is_mixed_up_under_load(runner: Watched) -> None:
    random = np.random.default_rng(0)
    requests = [
        [row(int(random.integers(3, 38)), int(random.integers(50))) for _ in range(each % 5)]
        for each in range(40)
    ]

    async def run() -> list[np.ndarray]:
        tasks = [asyncio.create_task(runner.run(each)) for each in requests]
        for cancelled in tasks[::7]:
            await asyncio.sleep(0)
            cancelled.cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    for index, (rows, found) in enumerate(zip(requests, asyncio.run(run()), strict=True)):
        if index % 7 == 0 and rows:
            assert isinstance(found, asyncio.CancelledError)
        elif rows:
            assert found == pytest.approx(asyncio.run(alone(runner, rows)), abs=1e-5)


def test_no_rows_need_no_run(runner: Watched) -> None:
    assert asyncio.run(runner.run([])).shape == (0, 32)
    assert runner.sizes == []


def test_a_long_request_delays_nobody_by_more_than_a_batch(runner: Watched) -> None:
    async def run() -> tuple[bool, int]:
        long = asyncio.create_task(runner.run([row(38, each) for each in range(200)]))
        await asyncio.sleep(0)
        await runner.run([row(4)])
        return long.done(), (await long).shape[0]

    assert asyncio.run(run()) == (False, 200)


def test_what_waits_when_the_server_stops_gets_a_503(runner: Watched) -> None:
    async def run() -> list[Any]:
        runner.free.clear()
        # Of such different lengths that the first shares no run with the rest.
        tasks = [asyncio.create_task(runner.run([row(length)])) for length in (10, 38, 38, 38)]
        await asyncio.sleep(0.05)
        closing = asyncio.create_task(runner.close())
        await asyncio.sleep(0.05)
        runner.free.set()
        await closing
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, *rest = asyncio.run(run())
    assert isinstance(first, np.ndarray)
    assert [each.status for each in rest if isinstance(each, ApiError)] == [503] * len(rest)


def test_numbers_that_are_not_finite_fail_their_request_alone(tmp_path: Path, folder: Path) -> None:
    """Weights are finite, but the last scales some vectors beyond the largest number."""
    checkpoint = Checkpoint(tmp_path / "model", "bert")
    checkpoint.write("modules.json", [{"path": "1_Pooling", "type": "x.Pooling"}])
    checkpoint.write("1_Pooling/config.json", {"pooling_mode": "cls"})
    tokens = torch.tensor([[0, word, 2] for word in range(4, 60)])
    last = checkpoint.model.encoder.layer[-1].output.LayerNorm
    with torch.no_grad():
        last.weight[:], last.bias[:] = 1, 0
        vectors = checkpoint.model(input_ids=tokens).last_hidden_state[:, 0].abs()
        feature = vectors.mean(0).argmax()
        sizes = vectors[:, feature]
        last.weight[feature] = torch.finfo(torch.float32).max / sizes.mean()
    checkpoint.model.save_pretrained(checkpoint.folder)
    options = ModelOptions("fp32")
    broken = compile_model("m", checkpoint.files, options, tmp_path / "cache", _silent).folder
    runner = Watched(broken)
    bad, good = (Row(tokens[index].tolist()) for index in (sizes.argmax(), sizes.argmin()))

    async def run() -> list[Any]:
        runner.free.clear()
        tasks = [asyncio.create_task(runner.run([each])) for each in (good, bad, good, bad)]
        await asyncio.sleep(0.05)
        runner.free.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, second, third, fourth = asyncio.run(run())
    assert max(runner.sizes) >= 3  # good and bad rows in one run
    assert "not finite" in str(second) and "not finite" in str(fourth)
    assert first == pytest.approx(third, abs=1e-5)
    asyncio.run(runner.close())


def test_batches_have_rows_of_like_length() -> None:
    random = np.random.default_rng(1)
    jobs = [_Job([row(int(n)) for n in random.integers(3, 500, size=9)], 1) for _ in range(9)]
    taken = []
    while batch := next_batch([job for job in jobs if not job.done]):
        lengths = [max(len(job.rows[index].tokens), 16) for job, index in batch]
        assert len(batch) == 1 or max(lengths) * len(batch) <= BATCH_TOKENS
        assert max(lengths) <= SPREAD * min(lengths)
        taken += [(jobs.index(job), index) for job, index in batch]
    assert sorted(taken) == [(job, index) for job in range(9) for index in range(9)]
