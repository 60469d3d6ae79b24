"""How long the compiler takes, from the start of its process to its end."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

from stackc.cache import cache_dir

from bench.results import Result, median

DISTRIBUTIONS = Path(__file__).parent.parent / "distributions"
LARGEST = "ogx/distributions/starter/run-with-postgres-store.yaml"
"""The largest distribution that a peer ships, in the wheel that tests/test_field.py reads."""

PROVIDERS, MODELS = 1_000, 10_000


def measure(*, rounds: int) -> Iterator[Result]:
    """Seconds for distributions of several sizes; that of a peer only where its wheel is at hand."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        starter, large = DISTRIBUTIONS / "starter.yaml", _large(folder)
        peer = _peer(folder)
        yield _result("starter", "check", starter, rounds)
        yield _result("starter", "build", starter, rounds, "--out", str(folder / "starter"))
        if peer:
            yield _result("the largest of OGX", "check", peer, rounds)
        size = f"{PROVIDERS:,} providers, {MODELS:,} models"
        yield _result(size, "check", large, rounds)
        yield _result(size, "build", large, rounds, "--out", str(folder / "large"))


def _result(subject: str, command: str, path: Path, rounds: int, *more: str) -> Result:
    arguments = [sys.executable, "-m", "stackc.cli", command, str(path), *more]
    taken = [_seconds(arguments) for _ in range(rounds)]
    return Result("compile", subject, command, median(taken), "s")


def _seconds(arguments: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(arguments, capture_output=True)
    return time.perf_counter() - began


def _peer(folder: Path) -> Path | None:
    for wheel in (cache_dir() / "peers").glob("*.whl"):
        with ZipFile(wheel) as archive:
            if LARGEST in archive.namelist():
                path = folder / "peer.yaml"
                path.write_bytes(archive.read(LARGEST))
                return path
    return None


def _large(folder: Path) -> Path:
    """A distribution of many remote providers, with the lock of the gateway, which fits it."""
    path = folder / "large.yaml"
    path.write_text("".join(large_lines()))
    shutil.copyfile(DISTRIBUTIONS / "gateway.lock", path.with_suffix(".lock"))
    return path


def large_lines() -> Iterator[str]:
    """The text of the large distribution."""
    yield "version: 2\nimage_name: large\nproviders:\n  inference:\n"
    for number in range(PROVIDERS):
        yield (
            f"  - provider_id: p{number}\n    provider_type: remote::openai\n    config:\n"
            f"      api_key: ${{env.KEY_{number}:=}}\n"
            f"      base_url: https://p{number}.example/v1\n"
        )
    yield "registered_resources:\n  models:\n"
    for number in range(MODELS):
        yield (
            f"  - model_id: model-{number}\n    provider_id: p{number % PROVIDERS}\n"
            f"    provider_model_id: upstream-{number}\n"
            f"    metadata: {{context_length: 8192, note: Model {number}}}\n"
        )
