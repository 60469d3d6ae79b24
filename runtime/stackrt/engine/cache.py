"""The keys and values of all sequences in memory: a row of every layer's buffers for each slot."""

from __future__ import annotations

import mmap
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnxruntime import OrtValue

from stackrt.engine.artifact import DecoderArtifact
from stackrt.lifecycle import StartError


class HostCache:
    """Buffers [slots, kv_heads, context, head_dim] in main memory, two for each layer.

    The graph reads and writes them in place. Their pages take memory when they are first written.
    Raises StartError if the machine cannot promise so much.
    """

    def __init__(self, artifact: DecoderArtifact, *, slots: int) -> None:
        shape = (slots, artifact.kv_heads, artifact.context_length, artifact.head_dim)
        self._buffers = {name: _untouched(shape) for name in buffer_names(artifact.layers)}

    def bind(self, binding: Any, rows: slice) -> None:
        """Makes `rows` what an onnxruntime IOBinding reads and writes."""
        for name, buffer in self._buffers.items():
            view = buffer[rows]
            place = ("cpu", 0, np.float32, view.shape, view.ctypes.data)
            binding.bind_input(f"past_key_values.{name}", *place)
            binding.bind_output(f"present.{name}", *place)

    def copy(self, source: int, target: int, start: int, stop: int) -> None:
        """Gives row `target` the positions from `start` to `stop` of row `source`."""
        for buffer in self._buffers.values():
            buffer[target, :, start:stop] = buffer[source, :, start:stop]

    def exchange(self, one: int, other: int, length: int) -> None:
        """Exchanges the first `length` positions of two rows."""
        for buffer in self._buffers.values():
            buffer[[one, other], :, :length] = buffer[[other, one], :, :length]


class CudaCache:
    """The same buffers, in float16, in the memory of the first CUDA device.

    Rows stay where they are: onnxruntime has no copy of a part of a buffer on the device.
    """

    def __init__(self, artifact: DecoderArtifact, *, slots: int) -> None:
        self._row = (artifact.kv_heads, artifact.context_length, artifact.head_dim)
        # Memory as it is found may hold NaN, which weighs in even where its weight is zero.
        empty = np.zeros((slots, *self._row), np.float16)
        self._buffers = {
            name: OrtValue.ortvalue_from_numpy(empty, "cuda", 0)
            for name in buffer_names(artifact.layers)
        }

    def bind(self, binding: Any, rows: slice) -> None:
        """Makes `rows` what an onnxruntime IOBinding reads and writes."""
        shape = (rows.stop - rows.start, *self._row)
        skipped = rows.start * int(np.prod(self._row)) * np.dtype(np.float16).itemsize
        for name, buffer in self._buffers.items():
            place = ("cuda", 0, np.float16, shape, buffer.data_ptr() + skipped)
            binding.bind_input(f"past_key_values.{name}", *place)
            binding.bind_output(f"present.{name}", *place)


Cache = HostCache | CudaCache


def buffer_names(layers: int) -> Iterator[str]:
    """The part of their names that the input and the output of a buffer share."""
    for layer in range(layers):
        yield f"{layer}.key"
        yield f"{layer}.value"


def _untouched(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Zeros that take no memory until they are written.

    NumPy would ask for huge pages, and the first token of each head would take two megabytes.
    """
    size = int(np.prod(shape)) * np.dtype(np.float32).itemsize
    try:
        memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except (OSError, OverflowError, ValueError) as error:
        raise StartError(
            f"no memory for {shape[0]} slots of {shape[2]} tokens: fewer `slots` or a smaller "
            "`context_length` need less"
        ) from error
    if sys.platform == "linux":
        memory.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(memory, np.float32).reshape(shape)
