"""Runs a decoder-only transformer: tokens in, logits of the next ones out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackrt.engine.artifact import DecoderArtifact
from stackrt.engine.cache import Cache, CudaCache, HostCache
from stackrt.engine.session import Device, DeviceError, open_session

# Positions computed in one run: as fast as any longer prompt, at a fraction of the memory.
CHUNK = 128

_KV_DTYPES: dict[Device, str] = {"cpu": "float32", "cuda": "float16"}

Logits = NDArray[np.float32]


class Decoder:
    """A compiled decoder with the cache of its slots; for one thread at a time.

    Every number depends on the text of its own row only, to the last bit: rows in one run do not
    change each other, and a prompt may be cut into runs of two tokens or more at any place. Runs
    of a single token round otherwise, so prompts are never computed one token at a time.
    """

    def __init__(
        self, folder: Path, artifact: DecoderArtifact, *, slots: int, threads: int, device: Device
    ) -> None:
        if artifact.kv_dtype != _KV_DTYPES[device]:
            raise DeviceError(f"{folder} was not compiled for {device}: build the stack again")
        self._session = open_session(folder / "model.onnx", threads=threads, device=device)
        self.cache: Cache = (CudaCache if device == "cuda" else HostCache)(artifact, slots=slots)
        self.slots = slots
        self.context_length = artifact.context_length
        self._bindings: dict[tuple[int, int], Any] = {}
        self._logits = np.zeros((max(slots, CHUNK), artifact.vocab_size), np.float32)
        # What a run reads must not move or vanish while it runs.
        self._inputs: tuple[NDArray[Any], ...] = ()

    def warm_up(self) -> None:
        """Runs once as prompts are read and once as texts are written, so that requests need not.

        Leaves traces in the first slot.
        """
        self.read([0, 0], row=0, position=0)
        self.write([0], first=0, positions=[2])

    def read(
        self, tokens: Sequence[int], *, row: int, position: int, all_logits: bool = False
    ) -> Logits:
        """Computes a piece of a prompt, the first token of which stands at `position`.

        Gives logits [1, vocab] behind the last token, or [tokens, vocab] behind each. The array is
        overwritten by the next run. What stands before must be in the cache's `row`.
        """
        count = len(tokens)
        wanted = np.arange(count) if all_logits else np.array([count - 1])
        return self._run(np.array([tokens]), row, np.array([position + count]), wanted)

    def write(self, tokens: Sequence[int], *, first: int, positions: Sequence[int]) -> Logits:
        """Computes one token for each row from `first` on, each at its own position.

        Gives logits [rows, vocab], overwritten by the next run.
        """
        column = np.array(tokens)[:, None]
        return self._run(column, first, np.array(positions) + 1, np.arange(len(tokens)))

    def _run(
        self, tokens: NDArray[Any], first: int, lengths: NDArray[Any], wanted: NDArray[Any]
    ) -> Logits:
        """One run of rows of `tokens` [rows, count], which are then `lengths` [rows] long."""
        binding = self._binding(first, first + len(tokens))
        inputs: dict[str, NDArray[Any]] = {
            "input_ids": tokens.astype(np.int64),
            "logit_positions": wanted.astype(np.int64),
            "seqlens_k": (lengths - 1).astype(np.int32),
            "total_sequence_length": np.array(lengths.max(), np.int32),
        }
        for name, values in inputs.items():
            binding.bind_cpu_input(name, values)
        self._inputs = tuple(inputs.values())
        logits = self._logits[: len(wanted)]
        binding.bind_output("logits", "cpu", 0, np.float32, logits.shape, logits.ctypes.data)
        self._session.run_with_iobinding(binding)
        return logits

    def _binding(self, start: int, stop: int) -> Any:
        """The binding for rows from `start` to `stop`, made once: it names a hundred buffers."""
        key = start, stop
        if key not in self._bindings:
            self._bindings[key] = self._session.io_binding()
            self.cache.bind(self._bindings[key], slice(start, stop))
        return self._bindings[key]
