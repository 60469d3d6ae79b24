"""Run by path in the environment of a stack: `loss.py QUANTIZED REFERENCE TEXT_FILE`.

Prints what the rounding of a decoder's weights costs, as JSON: `kl`, the mean Kullback-Leibler
divergence of the first artifact's next-token distribution from the second's, in nats a token;
`perplexity` and `reference_perplexity` of the text under each.
"""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
from numpy.typing import NDArray

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime  # reads the variable when it is imported

_WINDOW = 1024  # tokens that see each other; a longer text is measured window by window
_PIECE = 32  # tokens of which all logits are in memory at once

_FLOATS = {"tensor(float)": np.float32, "tensor(float16)": np.float16}

LogProbabilities = NDArray[np.float64]


class _Decoder:
    """A decoder artifact on the CPU, with the keys and values of one window."""

    def __init__(self, artifact: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors only
        self._session = onnxruntime.InferenceSession(
            str(artifact / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._past = [
            each for each in self._session.get_inputs() if each.name.startswith("past_key_values.")
        ]
        self._buffers: dict[str, Any] = {}
        self._position = 0

    def restart(self, length: int) -> None:
        """Forgets all tokens and makes room for `length`."""
        for past in self._past:
            _, heads, _, size = past.shape
            empty = np.zeros((1, heads, length, size), _FLOATS[past.type])
            self._buffers[past.name] = onnxruntime.OrtValue.ortvalue_from_numpy(empty)
        self._position = 0

    def read(self, tokens: Sequence[int]) -> LogProbabilities:
        """Reads on; gives log-probabilities [tokens, vocab] of what follows each token."""
        count = len(tokens)
        self._position += count
        binding = self._session.io_binding()
        binding.bind_output("logits")
        inputs = {
            "input_ids": np.array([tokens], np.int64),
            "logit_positions": np.arange(count),
            "seqlens_k": np.array([self._position - 1], np.int32),
            "total_sequence_length": np.array(self._position, np.int32),
        }
        for name, values in inputs.items():
            binding.bind_cpu_input(name, values)
        for name, buffer in self._buffers.items():
            binding.bind_ortvalue_input(name, buffer)
            binding.bind_ortvalue_output(name.replace("past_key_values", "present"), buffer)
        self._session.run_with_iobinding(binding)
        return _log_softmax(binding.get_outputs()[0].numpy().astype(np.float64))


def main(quantized: Path, reference: Path, text: Path) -> None:
    """The whole of it. Every token but the first of a window counts once."""
    description = json.loads((reference / "model.json").read_text(encoding="utf-8"))
    tokens = _tokens(reference, description, text.read_text(encoding="utf-8"))
    decoders = [_Decoder(quantized), _Decoder(reference)]
    losses = [
        loss
        for window in _windows(tokens, min(_WINDOW, description["context_length"]))
        for loss in _losses(decoders, window)
    ]
    if not losses:
        sys.exit(f"{text} has no two tokens")
    divergence, surprise, expected = np.mean(losses, axis=0)
    measured = {
        "kl": float(divergence),
        "perplexity": float(np.exp(surprise)),
        "reference_perplexity": float(np.exp(expected)),
    }
    if not np.isfinite(list(measured.values())).all():
        sys.exit(f"{quantized} or {reference} gives logits that are no finite numbers")
    print(json.dumps(measured))


def _losses(decoders: Sequence[_Decoder], window: Sequence[int]) -> Iterator[NDArray[np.float64]]:
    """For each token but the first: the divergence before it, and how each decoder is surprised."""
    for decoder in decoders:
        decoder.restart(len(window))
    for start in range(0, len(window) - 1, _PIECE):
        known = window[start : min(start + _PIECE, len(window) - 1)]
        following = window[start + 1 : start + 1 + len(known)]
        quantized, reference = (decoder.read(known) for decoder in decoders)
        divergences = (np.exp(reference) * (reference - quantized)).sum(axis=1)
        places = np.arange(len(known)), np.array(following)
        yield from np.stack([divergences, -quantized[places], -reference[places]], axis=1)


def _windows(tokens: Sequence[int], length: int) -> Iterator[Sequence[int]]:
    """The text in parts of at most `length` tokens."""
    for start in range(0, len(tokens), length):
        yield tokens[start : start + length]


def _tokens(artifact: Path, description: dict[str, Any], text: str) -> list[int]:
    tokenizer = tokenizers.Tokenizer.from_file(str(artifact / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return [description["bos_token_id"], *ids] if description["add_bos_token"] else ids


def _log_softmax(logits: NDArray[np.float64]) -> LogProbabilities:
    shifted: NDArray[np.float64] = logits - logits.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
