"""BERT-style sentence encoders as ONNX graphs that pool and normalise by themselves."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from stackc.models import quantization
from stackc.models.bert import BertConfig, read_tensors
from stackc.models.errors import UnsupportedError
from stackc.models.graph import DATA_FILE, GRAPH_FILE, Graph, Matrix, Weight
from stackc.models.quantization import Floats
from stackc.models.safetensors import SafetensorsFile

# Half the decoder's block: as fast, a tenth larger, and a third less of the error that 8-bit
# activations cause behind BERT's layer norms, whose outputs have outliers.
_BLOCK: Final = 16
# sentence-transformers: the floors of the mean's divisor and of the norm.
_FEWEST_TOKENS: Final = 1e-9
_SMALLEST_NORM: Final = 1e-12


def build_encoder(
    file: SafetensorsFile,
    config: BertConfig,
    *,
    folder: Path,
    eight_bit: bool,
    progress: Callable[[int, int], None],
) -> None:
    """Writes the encoder's graph and weights into ``folder``.

    Inputs: ``input_ids`` and ``attention_mask`` int64 [batch, sequence], the mask 1 for tokens and
    0 for padding. Output: ``sentence_embedding`` float32 [batch, hidden_size].

    Raises:
        UnsupportedError: the sizes do not fit the 8-bit blocks.
        ModelError: a tensor is missing or cannot be read.
    """
    with (folder / DATA_FILE).open("wb") as data:
        graph = Graph(data=data)
        weights = _Weights(file, config, eight_bit=eight_bit)
        _Encoder(graph, config, weights).build(progress)
        graph.save(folder / GRAPH_FILE, config.architecture)


class _Weights:
    """Reads the tensors of a safetensors file in the number format of the artifact."""

    def __init__(self, file: SafetensorsFile, config: BertConfig, *, eight_bit: bool) -> None:
        self._file = file
        self._tensors = read_tensors(file, config)
        self._eight_bit = eight_bit

    def floats(self, name: str) -> Floats:
        tensor = self._tensors[name]
        raw = np.frombuffer(self._file.buffer, np.uint8, tensor.size, tensor.offset)
        values = quantization.PLAIN[tensor.dtype](raw)
        return quantization.checked(values, name, self._file.name).reshape(tensor.shape)

    def stored(self, values: Floats) -> Weight:
        """A matrix as the artifact stores it."""
        if not self._eight_bit:
            return values
        if values.shape[1] % _BLOCK:
            raise UnsupportedError(f"the rows of a matrix are no multiple of {_BLOCK}: use fp32")
        return quantization.quantize(values, _BLOCK)


class _Encoder:
    """Builds the graph, one method for each part of the model."""

    def __init__(self, graph: Graph, config: BertConfig, weights: _Weights) -> None:
        self._graph = graph
        self._config = config
        self._weights = weights

    def build(self, progress: Callable[[int, int], None]) -> None:
        graph = self._graph
        graph.input("input_ids", "int64", ["batch", "sequence"])
        graph.input("attention_mask", "int64", ["batch", "sequence"])
        graph.cast("attention_mask", "mask", "int32")
        hidden = self._embedding()
        for layer in range(self._config.layers):
            hidden = self._attention(layer, hidden)
            hidden = self._feed_forward(layer, hidden)
            progress(layer + 1, self._config.layers)
        self._normalise(self._pool(hidden))
        graph.output("sentence_embedding", "float32", ["batch", self._config.hidden_size])

    def _embedding(self) -> str:
        graph, floats = self._graph, self._weights.floats
        table = self._matrix("embeddings.word_embeddings")
        words = graph.lookup(table, "input_ids", "embeddings.words")
        # Every token has type 0, so that type's vector is a part of each position's.
        positions = floats("embeddings.position_embeddings.weight")
        positions = positions + floats("embeddings.token_type_embeddings.weight")[0]
        graph.constant("positions", positions)
        graph.node("Shape", ["input_ids"], "length", start=1, end=2)
        graph.constant("start", np.array([0], np.int64))
        used = graph.node("Slice", ["positions", "start", "length"], "embeddings.positions")
        total = graph.node("Add", [words, used], "embeddings.sum")
        norm = [
            self._vector("embeddings.LayerNorm.weight"),
            self._vector("embeddings.LayerNorm.bias"),
        ]
        epsilon = self._config.norm_epsilon
        return graph.node("LayerNormalization", [total, *norm], "embeddings", epsilon=epsilon)

    def _attention(self, layer: int, hidden: str) -> str:
        graph, floats = self._graph, self._weights.floats
        source, prefix = f"encoder.layer.{layer}.attention", f"layers.{layer}.attention"
        parts = [f"{source}.self.{part}" for part in ("query", "key", "value")]
        packed = np.concatenate([floats(f"{part}.weight") for part in parts])
        matrix = graph.matrix(f"{prefix}.qkv.weight", self._weights.stored(packed))
        bias = np.concatenate([floats(f"{part}.bias") for part in parts])
        graph.constant(f"{prefix}.qkv.bias", bias)
        graph.linear(hidden, matrix, f"{prefix}.qkv")
        heads = [f"{prefix}.{part}" for part in ("query", "key", "value")]
        graph.split(f"{prefix}.qkv", heads)
        graph.fused(
            "MultiHeadAttention",
            [*heads, f"{prefix}.qkv.bias", "mask"],
            [f"{prefix}.mixed"],
            num_heads=self._config.heads,
        )
        output = f"{source}.output"
        projected = graph.linear(
            f"{prefix}.mixed", self._matrix(f"{output}.dense"), f"{prefix}.output"
        )
        return self._add_and_norm(projected, hidden, output, f"{prefix}.normalised")

    def _feed_forward(self, layer: int, hidden: str) -> str:
        graph = self._graph
        source, prefix = f"encoder.layer.{layer}", f"layers.{layer}.feed_forward"
        dense = f"{source}.intermediate.dense"
        wide = graph.linear(hidden, self._matrix(dense), f"{prefix}.up")
        graph.fused("BiasGelu", [wide, self._vector(f"{dense}.bias")], [f"{prefix}.inner"])
        output = f"{source}.output"
        down = graph.linear(f"{prefix}.inner", self._matrix(f"{output}.dense"), f"{prefix}.down")
        return self._add_and_norm(down, hidden, output, f"{prefix}.normalised")

    def _add_and_norm(self, value: str, residual: str, source: str, output: str) -> str:
        """The normalised sum of ``value``, the bias of its dense layer and ``residual``."""
        names = ("LayerNorm.weight", "LayerNorm.bias", "dense.bias")
        vectors = [self._vector(f"{source}.{name}") for name in names]
        epsilon = self._config.norm_epsilon
        inputs = [value, residual, *vectors]
        self._graph.fused("SkipLayerNormalization", inputs, [output], epsilon=epsilon)
        return output

    def _pool(self, hidden: str) -> str:
        """One vector for each row: its first token's, or the mean over the tokens of the mask."""
        graph = self._graph
        if self._config.pooling == "cls":
            first = graph.constant("first", np.array(0, np.int64))
            return graph.node("Gather", [hidden, first], "pooled", axis=1)
        axis = graph.constant("sequence_axis", np.array([1], np.int64))
        weights = graph.cast("attention_mask", "pooling.weights", "float32")
        row = graph.node("Unsqueeze", [weights, axis], "pooling.row")
        total = graph.node("MatMul", [row, hidden], "pooling.total")
        total = graph.node("Squeeze", [total, axis], "pooling.sum")
        count = graph.node("ReduceSum", [weights, axis], "pooling.count", keepdims=1)
        floor = graph.constant("pooling.floor", np.array(_FEWEST_TOKENS, np.float32))
        count = graph.node("Max", [count, floor], "pooling.divisor")
        return graph.node("Div", [total, count], "pooled")

    def _normalise(self, pooled: str) -> None:
        graph = self._graph
        if not self._config.normalize:
            graph.node("Identity", [pooled], "sentence_embedding")
            return
        axis = graph.constant("feature_axis", np.array([1], np.int64))
        norm = graph.node("ReduceL2", [pooled, axis], "norm", keepdims=1)
        floor = graph.constant("norm.floor", np.array(_SMALLEST_NORM, np.float32))
        norm = graph.node("Max", [norm, floor], "norm.divisor")
        graph.node("Div", [pooled, norm], "sentence_embedding")

    def _matrix(self, name: str) -> Matrix:
        values = self._weights.stored(self._weights.floats(f"{name}.weight"))
        return self._graph.matrix(f"{name}.weight", values)

    def _vector(self, name: str) -> str:
        return self._graph.constant(name, self._weights.floats(name))
