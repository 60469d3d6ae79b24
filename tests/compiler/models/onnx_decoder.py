"""Drives a compiled decoder in onnxruntime by hand: one sequence, one buffer a layer."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray


class OnnxDecoder:
    """A decoder with its key-value buffers; `position` is how many tokens they hold."""

    def __init__(self, folder: Path, max_length: int = 512) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        # Threads that spin while they wait take the cores from the reference's.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession(
            folder / "model.onnx", options, providers=["CPUExecutionProvider"]
        )
        self.description = json.loads((folder / "model.json").read_text())
        self.max_length = min(max_length, self.description["context_length"])
        self.position = 0
        shape = (1, self.description["kv_heads"], self.max_length, self.description["head_dim"])
        dtype = np.dtype(self.description["kv_dtype"])
        self._buffers = {
            f"{layer}.{part}": onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros(shape, dtype))
            for layer in range(self.description["layers"])
            for part in ("key", "value")
        }

    def step(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """Appends tokens; gives the logits [vocab] behind the last one."""
        return self.run(ids, [len(ids) - 1])[0]

    def run(self, ids: Sequence[int], positions: Sequence[int]) -> NDArray[np.float32]:
        """Appends tokens; gives the logits [len(positions), vocab] behind the chosen ones."""
        binding = self.session.io_binding()
        total = self.position + len(ids)
        binding.bind_cpu_input("input_ids", np.array([ids], np.int64))
        binding.bind_cpu_input("seqlens_k", np.array([total - 1], np.int32))
        binding.bind_cpu_input("total_sequence_length", np.array(total, np.int32))
        binding.bind_cpu_input("logit_positions", np.array(positions, np.int64))
        binding.bind_output("logits")
        for name, buffer in self._buffers.items():
            binding.bind_ortvalue_input(f"past_key_values.{name}", buffer)
            binding.bind_ortvalue_output(f"present.{name}", buffer)
        self.session.run_with_iobinding(binding)
        self.position = total
        logits: NDArray[np.float32] = binding.get_outputs()[0].numpy()
        return logits

    def cache(self) -> dict[str, NDArray[Any]]:
        """A copy of the key-value buffers, by layer and part."""
        return {name: buffer.numpy().copy() for name, buffer in self._buffers.items()}

    def together(
        self, caches: Sequence[dict[str, NDArray[Any]]], ids: Sequence[int], lengths: Sequence[int]
    ) -> NDArray[np.float32]:
        """The logits [rows, vocab] of one more token for each of several texts at once."""
        feed: dict[str, NDArray[Any]] = {
            "input_ids": np.array(ids, np.int64)[:, None],
            "seqlens_k": np.array(lengths, np.int32),
            "total_sequence_length": np.array(max(lengths) + 1, np.int32),
            "logit_positions": np.arange(len(ids)),
        }
        for name in self._buffers:
            feed[f"past_key_values.{name}"] = np.concatenate([each[name] for each in caches])
        logits: NDArray[np.float32] = self.session.run(["logits"], feed)[0]
        return logits

    def logits(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """The logits [len(ids), vocab] behind every token of a text."""
        self.position = 0
        return np.stack([self.step([token]) for token in ids])

    def greedy(self, prompt: Sequence[int], count: int) -> list[int]:
        """The most probable continuation, token by token."""
        self.position = 0
        logits, found = self.step(prompt), []
        for _ in range(count):
            found.append(int(logits.argmax()))
            logits = self.step(found[-1:])
        return found
