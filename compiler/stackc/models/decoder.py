"""Llama-architecture GGUF files as ONNX decoders for onnxruntime's fused operators."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from stackc.models import quantization
from stackc.models.errors import UnsupportedError
from stackc.models.gguf import GgufFile
from stackc.models.graph import DATA_FILE, GRAPH_FILE, Graph, Matrix, Weight
from stackc.models.llama import ROPE_FACTORS, LlamaConfig
from stackc.models.quantization import Blocks, Floats

_BLOCK: Final = 32  # that of every supported ggml type


def build_decoder(
    file: GgufFile,
    config: LlamaConfig,
    *,
    folder: Path,
    context_length: int,
    eight_bit: bool,
    progress: Callable[[int, int], None],
) -> None:
    """Writes the decoder's graph and weights into ``folder``.

    Inputs: ``input_ids`` int64 [batch, sequence]; ``seqlens_k`` int32 [batch], the total length of
    each row less one; ``total_sequence_length`` int32 scalar; ``past_key_values.{i}.key`` and
    ``.value`` float32 [batch, kv_heads, max_length, head_dim], buffers of a fixed length that the
    caller also binds to ``present.{i}.key`` and ``.value``; ``logit_positions`` int64 [count], where
    to compute logits, as indices into batch * sequence. Output: ``logits`` float32
    [count, vocab_size].

    Raises:
        UnsupportedError: the sizes do not fit the 8-bit blocks.
        ModelError: a tensor cannot be read.
    """
    with (folder / DATA_FILE).open("wb") as data:
        graph = Graph(data=data)
        weights = _Weights(file, eight_bit=eight_bit)
        _Decoder(graph, config, weights, context_length).build(progress)
        graph.save(folder / GRAPH_FILE, config.architecture)


class _Weights:
    """Reads the tensors of a GGUF file in the number format of the artifact."""

    def __init__(self, file: GgufFile, *, eight_bit: bool) -> None:
        self._file = file
        self._eight_bit = eight_bit

    def vector(self, name: str) -> Floats:
        return quantization.floats(self._file, self._file.tensors[name])

    def optional_vector(self, name: str) -> Floats | None:
        return self.vector(name) if name in self._file.tensors else None

    def matrix(self, name: str, rotary_heads: int = 0) -> Weight:
        """The matrix ``name``; with ``rotary_heads``, its rows in the order of the original model.

        GGUF files interleave the two halves of every query and key head.
        """
        info = self._file.tensors[f"{name}.weight"]
        rows = info.shape[0]
        order = np.arange(rows)
        if rotary_heads:
            order = order.reshape(rotary_heads, -1, 2).swapaxes(1, 2).ravel()
        if self._eight_bit:
            if info.shape[1] % _BLOCK:
                raise UnsupportedError(
                    f"rows of tensor `{info.name}` are no multiple of {_BLOCK}: use fp32"
                )
            blocks = quantization.blocks(self._file, info)
            return blocks.take(order) if rotary_heads else blocks
        floats = quantization.floats(self._file, info)
        return floats[order] if rotary_heads else floats


class _Decoder:
    """Builds the graph, one method for each part of the model."""

    def __init__(
        self, graph: Graph, config: LlamaConfig, weights: _Weights, context_length: int
    ) -> None:
        self._graph = graph
        self._config = config
        self._weights = weights
        self._context_length = context_length

    def build(self, progress: Callable[[int, int], None]) -> None:
        graph, config = self._graph, self._config
        graph.input("input_ids", "int64", ["batch", "sequence"])
        graph.input("seqlens_k", "int32", ["batch"])
        graph.input("total_sequence_length", "int32", [])
        graph.input("logit_positions", "int64", ["count"])
        graph.output("logits", "float32", ["count", config.vocab_size])
        self._rotary_tables()
        table = self._matrix("token_embd")
        residual = graph.lookup(table, "input_ids", "embedding")
        hidden = self._first_norm(residual)
        for layer in range(config.layers):
            hidden, residual = self._attention(layer, hidden, residual)
            hidden, residual = self._feed_forward(layer, hidden, residual)
            progress(layer + 1, config.layers)
        self._head(hidden, table)

    def _rotary_tables(self) -> None:
        """Cosines and sines of every position's angles, ``[context_length, head_dim / 2]``."""
        config = self._config
        pairs = np.arange(0, config.head_dim, 2, dtype=np.float64)
        frequencies = config.rope_theta ** (-pairs / config.head_dim) / config.rope_scale
        factors = self._weights.optional_vector(ROPE_FACTORS)
        if factors is not None:
            frequencies = frequencies / factors
        angles = np.outer(np.arange(self._context_length), frequencies)
        self._graph.constant("rotary.cos", np.cos(angles).astype(np.float32))
        self._graph.constant("rotary.sin", np.sin(angles).astype(np.float32))

    def _first_norm(self, residual: str) -> str:
        weight = self._vector("blk.0.attn_norm")
        epsilon = self._config.norm_epsilon
        return self._graph.node(
            "SimplifiedLayerNormalization",
            [residual, weight],
            "layers.0.attention.input",
            axis=-1,
            epsilon=epsilon,
            stash_type=1,
        )

    def _attention(self, layer: int, hidden: str, residual: str) -> tuple[str, str]:
        graph, prefix = self._graph, f"layers.{layer}.attention"
        packed = graph.matrix(f"blk.{layer}.attn_qkv.weight", self._packed_qkv(layer))
        qkv = graph.linear(hidden, packed, f"{prefix}.qkv")
        mixed = self._grouped_query_attention(layer, qkv, f"{prefix}.mixed")
        weight = self._matrix(f"blk.{layer}.attn_output")
        projected = graph.linear(mixed, weight, f"{prefix}.output")
        return self._add_and_norm(projected, residual, f"blk.{layer}.ffn_norm", f"{prefix}.sum")

    def _packed_qkv(self, layer: int) -> Weight:
        config, matrix = self._config, self._weights.matrix
        query = matrix(f"blk.{layer}.attn_q", rotary_heads=config.heads)
        key = matrix(f"blk.{layer}.attn_k", rotary_heads=config.kv_heads)
        return stack_rows([query, key, matrix(f"blk.{layer}.attn_v")])

    def _grouped_query_attention(self, layer: int, qkv: str, output: str) -> str:
        graph, config = self._graph, self._config
        buffer: list[int | str] = ["batch", config.kv_heads, "max_length", config.head_dim]
        past = [f"past_key_values.{layer}.{part}" for part in ("key", "value")]
        present = [f"present.{layer}.{part}" for part in ("key", "value")]
        for name in past:
            graph.input(name, "float32", buffer)
        for name in present:
            graph.output(name, "float32", buffer)
        lengths = ["seqlens_k", "total_sequence_length"]
        graph.fused(
            "GroupQueryAttention",
            [qkv, "", "", *past, *lengths, "rotary.cos", "rotary.sin"],
            [output, *present],
            num_heads=config.heads,
            kv_num_heads=config.kv_heads,
            do_rotary=1,
        )
        return output

    def _feed_forward(self, layer: int, hidden: str, residual: str) -> tuple[str, str]:
        graph, prefix = self._graph, f"layers.{layer}.feed_forward"
        gate = graph.linear(hidden, self._matrix(f"blk.{layer}.ffn_gate"), f"{prefix}.gate")
        up = graph.linear(hidden, self._matrix(f"blk.{layer}.ffn_up"), f"{prefix}.up")
        # With alpha 1 this is the SiLU: x * sigmoid(x).
        graph.fused("QuickGelu", [gate], [f"{prefix}.silu"], alpha=1.0)
        inner = graph.node("Mul", [f"{prefix}.silu", up], f"{prefix}.inner")
        down = graph.linear(inner, self._matrix(f"blk.{layer}.ffn_down"), f"{prefix}.down")
        last = layer == self._config.layers - 1
        following = "output_norm" if last else f"blk.{layer + 1}.attn_norm"
        return self._add_and_norm(down, residual, following, f"{prefix}.sum")

    def _add_and_norm(self, value: str, residual: str, norm: str, total: str) -> tuple[str, str]:
        """The normalised sum of ``value`` and ``residual``, and the sum itself."""
        normalised = f"{total}.normalised"
        self._graph.fused(
            "SkipSimplifiedLayerNormalization",
            [value, residual, self._vector(norm)],
            [normalised, "", "", total],
            epsilon=self._config.norm_epsilon,
        )
        return normalised, total

    def _head(self, hidden: str, table: Matrix) -> None:
        """Logits where they are asked for: most positions of a prompt need none."""
        graph = self._graph
        shape = graph.constant("flat", np.array([-1, self._config.hidden_size], np.int64))
        flat = graph.node("Reshape", [hidden, shape], "flat.hidden")
        state = graph.node("Gather", [flat, "logit_positions"], "chosen.hidden", axis=0)
        graph.linear(state, table if self._config.tied else self._matrix("output"), "logits")

    def _matrix(self, name: str) -> Matrix:
        return self._graph.matrix(f"{name}.weight", self._weights.matrix(name))

    def _vector(self, name: str) -> str:
        return self._graph.constant(f"{name}.weight", self._weights.vector(f"{name}.weight"))


def stack_rows(parts: list[Weight]) -> Weight:
    """One matrix of all rows; the parts have the same number format."""
    blocks = [part for part in parts if isinstance(part, Blocks)]
    if blocks:
        return quantization.stack(blocks)
    return np.concatenate([part for part in parts if not isinstance(part, Blocks)])
