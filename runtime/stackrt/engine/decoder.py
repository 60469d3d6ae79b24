"""Runs a decoder-only transformer: tokens in, logits of the next one out, its cache kept here."""

from __future__ import annotations

import mmap
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stackrt.engine.artifact import DecoderArtifact
from stackrt.engine.session import open_session

# Positions computed in one run: as fast as any longer prompt, at a fraction of the memory.
CHUNK = 128


class Decoder:
    """A compiled decoder with one cache of keys and values; for one thread at a time.

    The cache is one buffer for each layer, as long as the context, which the graph reads and
    writes in place. Its pages take memory when they are first written.
    """

    def __init__(self, folder: Path, artifact: DecoderArtifact, *, threads: int) -> None:
        self._session = open_session(folder / "model.onnx", threads=threads)
        self._binding = self._session.io_binding()
        self._last = np.zeros(1, np.int32)
        self._total = np.zeros((), np.int32)
        self._logits = np.zeros((1, artifact.vocab_size), np.float32)
        self._prefilled: list[int] = []
        self._bind(artifact)

    def _bind(self, artifact: DecoderArtifact) -> None:
        """Binds what stays where it is from run to run: everything but the tokens."""
        self._binding.bind_cpu_input("seqlens_k", self._last)
        self._binding.bind_cpu_input("total_sequence_length", self._total)
        self._bind_output("logits", self._logits)
        for name, buffer in _cache(artifact):
            self._binding.bind_cpu_input(f"past_key_values.{name}", buffer)
            self._bind_output(f"present.{name}", buffer)

    def _bind_output(self, name: str, buffer: NDArray[np.float32]) -> None:
        self._binding.bind_output(
            name, "cpu", 0, buffer.dtype.type, buffer.shape, buffer.ctypes.data
        )

    def forward(self, tokens: Sequence[int], position: int) -> NDArray[np.float32]:
        """Logits [vocab] after `tokens`, the first of which stands at `position` in its text.

        What stands before is in the cache already. The array is overwritten by the next call.
        """
        del self._prefilled[position:]
        self._binding.bind_cpu_input("input_ids", np.array([tokens], np.int64))
        self._total[()] = position + len(tokens)
        self._last[0] = position + len(tokens) - 1
        self._session.run_with_iobinding(self._binding)
        if len(tokens) == CHUNK and position == len(self._prefilled):
            self._prefilled.extend(tokens)
        logits: NDArray[np.float32] = self._logits[0]
        return logits

    def reusable(self, tokens: Sequence[int]) -> int:
        """How many of `tokens` need no computing, as the cache begins with the same ones.

        Only whole chunks count, so that every position is computed in the same run as in an
        empty cache: the logits are equal to the last bit, whatever was asked before.
        """
        reused = 0
        while reused + CHUNK < len(tokens) and reused + CHUNK <= len(self._prefilled):
            chunk = slice(reused, reused + CHUNK)
            if tokens[chunk] != self._prefilled[chunk]:
                break
            reused += CHUNK
        return reused


def _cache(artifact: DecoderArtifact) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Zeroed buffers [1, kv_heads, context, head_dim] by the part of their name they share."""
    shape = (1, artifact.kv_heads, artifact.context_length, artifact.head_dim)
    for layer in range(artifact.layers):
        for part in ("key", "value"):
            yield f"{layer}.{part}", _untouched(shape)


def _untouched(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Zeros that take no memory until they are written.

    NumPy would ask for huge pages, and the first token of each head would take two megabytes.
    """
    size = int(np.prod(shape)) * np.dtype(np.float32).itemsize
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if sys.platform == "linux":
        memory.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(memory, np.float32).reshape(shape)
