"""Decoders of Llama's kind as ONNX graphs of onnxruntime's fused operators."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from stackc.models.decoders.decoder_config import DecoderConfig
from stackc.models.decoders.decoder_format import DecoderFormat
from stackc.models.graphs import rounding
from stackc.models.graphs.graph import DATA_FILE, GRAPH_FILE, Graph, Matrix
from stackc.models.graphs.quantization import Floats
from stackc.models.graphs.rounding import Rounding, Weight


class DecoderWeights(Protocol):
    """The tensors of a model, by the names that ``expected_tensors`` gives them."""

    def vector(self, name: str) -> Floats:
        """A tensor of one dimension."""

    def matrix(self, name: str, rounding: Rounding | None) -> Weight:
        """A matrix, rows first, in blocks of at most as many columns, or in float32."""


def build_decoder(
    weights: DecoderWeights,
    config: DecoderConfig,
    form: DecoderFormat,
    *,
    folder: Path,
    context_length: int,
    progress: Callable[[int, int], None],
) -> None:
    """Writes the decoder's graph and weights into ``folder``.

    Inputs: ``input_ids`` int64 [batch, sequence]; ``seqlens_k`` int32 [batch], the total length of
    each row less one; ``total_sequence_length`` int32 scalar; ``past_key_values.{i}.key`` and
    ``.value`` [batch, kv_heads, max_length, head_dim] of the type that is computed with, buffers of
    a fixed length that the caller also binds to ``present.{i}.key`` and ``.value``;
    ``logit_positions`` int64 [count], where to compute logits, as indices into batch * sequence.
    Output: ``logits`` float32 [count, vocab_size].

    Raises:
        UnsupportedError: the sizes do not fit the blocks, or a number does not fit float16.
        ModelError: a tensor cannot be read.
    """
    with (folder / DATA_FILE).open("wb") as data:
        graph = Graph(data=data, stored=form.stored, computed=form.computed)
        _Decoder(graph, config, form, weights, context_length).build(progress)
        graph.save(folder / GRAPH_FILE, config.architecture)


class _Decoder:
    """Builds the graph, one method for each part of the model."""

    def __init__(
        self,
        graph: Graph,
        config: DecoderConfig,
        form: DecoderFormat,
        weights: DecoderWeights,
        context_length: int,
    ) -> None:
        self._graph = graph
        self._config = config
        self._form = form
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
        table = self._matrix("embedding", self._form.table)
        residual = graph.lookup(table, "input_ids", "embedded")
        weight = self._vector("layers.0.attention.norm")
        hidden = graph.narrowed(self._norm(residual, weight, "layers.0.attention.input"))
        for layer in range(config.layers):
            hidden, residual = self._attention(layer, hidden, residual)
            hidden, residual = self._feed_forward(layer, hidden, residual)
            progress(layer + 1, config.layers)
        self._head(hidden, table)

    def _rotary_tables(self) -> None:
        """Cosines and sines of every position's angles, ``[context_length, head_dim / 2]``."""
        turns = self._config.rope
        angles = np.outer(np.arange(self._context_length), np.array(turns.frequencies))
        for name, table in (("rotary.cos", np.cos(angles)), ("rotary.sin", np.sin(angles))):
            self._graph.numbers(name, (table * turns.magnitude).astype(np.float32))

    def _norm(self, value: str, weight: str, output: str) -> str:
        """Divided by the root of the mean square of the last axis, and weighted."""
        return self._graph.node(
            "SimplifiedLayerNormalization",
            [value, weight],
            output,
            axis=-1,
            epsilon=self._config.norm_epsilon,
            stash_type=1,
        )

    def _attention(self, layer: int, hidden: str, residual: str) -> tuple[str, str]:
        graph, prefix = self._graph, f"layers.{layer}.attention"
        packed = graph.matrix(f"{prefix}.qkv.weight", self._packed_qkv(prefix))
        qkv = graph.linear(hidden, packed, f"{prefix}.qkv")
        if self._config.family.qkv_bias:
            qkv = graph.node("Add", [qkv, self._packed_bias(prefix)], f"{prefix}.qkv.biased")
        inputs = [qkv, "", ""]
        if self._config.family.qk_norm:
            inputs = self._normalised_heads(qkv, prefix)
        mixed = self._grouped_query_attention(layer, inputs, f"{prefix}.mixed")
        output = self._matrix(f"{prefix}.output", self._form.others)
        projected = graph.linear(mixed, output, f"{prefix}.projected")
        following = f"layers.{layer}.feed_forward.norm"
        return self._add_and_norm(projected, residual, following, f"{prefix}.sum")

    def _packed_qkv(self, prefix: str) -> Weight:
        return rounding.stack(
            [
                self._weights.matrix(f"{prefix}.{part}.weight", self._form.qkv)
                for part in ("query", "key", "value")
            ]
        )

    def _packed_bias(self, prefix: str) -> str:
        parts = [
            self._weights.vector(f"{prefix}.{part}.bias") for part in ("query", "key", "value")
        ]
        return self._graph.numbers(f"{prefix}.qkv.bias", np.concatenate(parts))

    def _normalised_heads(self, qkv: str, prefix: str) -> list[str]:
        """Queries, keys and values; each head of the first two is normalised for itself."""
        graph, config = self._graph, self._config
        width = config.head_dim
        query, key, value = (f"{qkv}.{part}" for part in ("query", "key", "value"))
        keys = config.kv_heads * width
        graph.cut(qkv, {query: config.heads * width, key: keys, value: keys})
        return [
            self._normalised(query, config.heads, f"{prefix}.query_norm"),
            self._normalised(key, config.kv_heads, f"{prefix}.key_norm"),
            value,
        ]

    def _normalised(self, value: str, heads: int, norm: str) -> str:
        graph, width = self._graph, self._config.head_dim
        apart = graph.constant(f"{value}.apart", np.array([0, 0, heads, width], np.int64))
        joined = graph.constant(f"{value}.joined", np.array([0, 0, heads * width], np.int64))
        by_head = graph.node("Reshape", [value, apart], f"{value}.by_head")
        weight = graph.numbers(f"{norm}.weight", self._weights.vector(f"{norm}.weight"))
        normalised = self._norm(by_head, weight, f"{value}.normalised")
        return graph.node("Reshape", [normalised, joined], f"{value}.rejoined")

    def _grouped_query_attention(self, layer: int, inputs: list[str], output: str) -> str:
        graph, config = self._graph, self._config
        buffer: list[int | str] = ["batch", config.kv_heads, "max_length", config.head_dim]
        past = [f"past_key_values.{layer}.{part}" for part in ("key", "value")]
        present = [f"present.{layer}.{part}" for part in ("key", "value")]
        for name in past:
            graph.input(name, self._form.computed, buffer)
        for name in present:
            graph.output(name, self._form.computed, buffer)
        window = config.windows[layer]
        graph.fused(
            "GroupQueryAttention",
            [*inputs, *past, "seqlens_k", "total_sequence_length", "rotary.cos", "rotary.sin"],
            [output, *present],
            num_heads=config.heads,
            kv_num_heads=config.kv_heads,
            do_rotary=1,
            local_window_size=-1 if window is None else window,
        )
        return output

    def _feed_forward(self, layer: int, hidden: str, residual: str) -> tuple[str, str]:
        graph, prefix, form = self._graph, f"layers.{layer}.feed_forward", self._form.others
        gate = graph.linear(hidden, self._matrix(f"{prefix}.gate", form), f"{prefix}.gated")
        up = graph.linear(hidden, self._matrix(f"{prefix}.up", form), f"{prefix}.raised")
        # With alpha 1 this is the SiLU: x * sigmoid(x).
        graph.fused("QuickGelu", [gate], [f"{prefix}.silu"], alpha=1.0)
        inner = graph.node("Mul", [f"{prefix}.silu", up], f"{prefix}.inner")
        down = graph.linear(inner, self._matrix(f"{prefix}.down", form), f"{prefix}.lowered")
        last = layer == self._config.layers - 1
        following = "norm" if last else f"layers.{layer + 1}.attention.norm"
        return self._add_and_norm(down, residual, following, f"{prefix}.sum")

    def _add_and_norm(self, value: str, residual: str, norm: str, total: str) -> tuple[str, str]:
        """The normalised sum of ``value`` and ``residual``, and the sum itself in float32."""
        graph, normalised = self._graph, f"{total}.normalised"
        graph.fused(
            "SkipSimplifiedLayerNormalization",
            [graph.widened(value, f"{value}.float32"), residual, self._vector(norm)],
            [normalised, "", "", total],
            epsilon=self._config.norm_epsilon,
        )
        return graph.narrowed(normalised), total

    def _head(self, hidden: str, table: Matrix) -> None:
        """Logits where they are asked for: most positions of a prompt need none."""
        graph = self._graph
        shape = graph.constant("flat", np.array([-1, self._config.hidden_size], np.int64))
        flat = graph.node("Reshape", [hidden, shape], "flat.hidden")
        state = graph.node("Gather", [flat, "logit_positions"], "chosen.hidden", axis=0)
        head = table if self._config.tied else self._matrix("head", self._form.table)
        product = "logits" if self._form.computed == "float32" else "logits.narrow"
        graph.widened(graph.linear(state, head, product), "logits")

    def _matrix(self, name: str, rounded: Rounding | None) -> Matrix:
        weight = f"{name}.weight"
        return self._graph.matrix(weight, self._weights.matrix(weight, rounded))

    def _vector(self, name: str) -> str:
        return self._graph.constant(f"{name}.weight", self._weights.vector(f"{name}.weight"))
