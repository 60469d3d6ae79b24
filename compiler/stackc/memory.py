"""How much memory a stack takes, told before it runs, from the facts that its lock pins.

An estimate: what a process holds depends on its libraries and its kernel. The constants were
measured with the starter, and with its models in int8 and fp32, on x86-64.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stackc.planned_models import PlannedModel

PROCESS = 55_000_000
"""Bytes of a stack that serves remote providers only."""

ENGINE = 45_000_000
"""Bytes that onnxruntime, NumPy and the tokenizer's library add to it."""

HELD = {
    "cpu": {"fp32": 4.5, "fp16": 4.5, "int8": 1.7, "int4": 1.25},
    "cuda": {"fp32": 4.0, "fp16": 2.0, "int8": 1.2, "int4": 0.75},
}
"""Bytes that a number of a matrix takes. On the CPU it is held as in the file and repacked, and
float16 is widened; the file's pages count too, which the kernel takes back when it must."""

TOKEN = 600
"""Bytes that the tokenizer holds for a token of its vocabulary."""

ACTIVATION = 110_000
"""Bytes that the largest batch of an encoder takes for each number of its hidden state."""

CACHED = {"cpu": 4, "cuda": 2}
"""Bytes of a number in the cache of keys and values."""


@dataclass(frozen=True)
class ModelMemory:
    """What one model takes, in bytes: `cache` fills as its slots do, `work` while it runs."""

    folder: str
    weights: int
    tokenizer: int
    cache: int
    work: int
    on_gpu: bool


@dataclass(frozen=True)
class Memory:
    """What a stack takes, in bytes: `start` when it has started, `full` with all its slots full.

    `gpu` is what models for CUDA hold there, from the start on, beside what CUDA itself needs.
    """

    start: int
    full: int
    gpu: int
    models: tuple[ModelMemory, ...]

    def as_json(self) -> dict[str, Any]:
        """The estimate as plan.json shows it, in bytes, to the megabyte."""
        return {
            "at_start": _megabytes(self.start),
            "slots_full": _megabytes(self.full),
            "gpu": _megabytes(self.gpu),
            "models": {
                each.folder: {"weights": _megabytes(each.weights), "cache": _megabytes(each.cache)}
                for each in self.models
            },
        }

    @property
    def summary(self) -> str:
        """The estimate in a line."""
        grows = self.full > self.start
        full = f", {amount(self.full)} with all slots full and busy" if grows else ""
        gpu = f"; {amount(self.gpu)} of the GPU" if self.gpu else ""
        return f"memory: about {amount(self.start)} at start{full}{gpu}"


def memory_of(models: Sequence[PlannedModel]) -> Memory:
    """The memory of a stack with these models."""
    each = tuple(map(_model_memory, models))
    host = [model for model in each if not model.on_gpu]
    start = PROCESS + (ENGINE if each else 0)
    start += sum(model.weights for model in host) + sum(model.tokenizer for model in each)
    return Memory(
        start=start,
        full=start + sum(model.cache + model.work for model in host),
        gpu=sum(model.weights + model.cache + model.work for model in each if model.on_gpu),
        models=each,
    )


def _model_memory(model: PlannedModel) -> ModelMemory:
    facts = model.locked
    numbers = facts.layers * 2 * (facts.kv_heads or 0) * (facts.head_dim or 0)
    return ModelMemory(
        folder=model.folder,
        weights=_weights(model),
        tokenizer=facts.vocab_size * TOKEN,
        cache=model.slots * model.context * numbers * CACHED[model.device],
        work=0 if _generates(model) else facts.hidden_size * ACTIVATION,
        on_gpu=model.device == "cuda",
    )


def _weights(model: PlannedModel) -> int:
    facts, held = model.locked, HELD[model.device]
    table = facts.vocab_size * facts.hidden_size
    matrices = round((facts.parameters - table) * held[facts.quantization])
    if _generates(model):  # in int4 the table, which may be the head too, has 8 bits
        table_format = "int8" if facts.quantization == "int4" else facts.quantization
        return matrices + round(table * held[table_format])
    # On the CPU an encoder reads the rows of its words from the file.
    return matrices + (round(table * held[facts.quantization]) if model.device == "cuda" else 0)


def _generates(model: PlannedModel) -> bool:
    return model.locked.kv_heads is not None


def _megabytes(size: int) -> int:
    return round(size, -6)


def amount(size: int) -> str:
    """Two digits that count, from one megabyte on: 55 MB, 380 MB, 1.9 GB, 12 GB."""
    rounded = max(float(f"{size:.2g}"), 1e6)
    return f"{rounded / 1e9:g} GB" if rounded >= 1e9 else f"{rounded / 1e6:g} MB"
