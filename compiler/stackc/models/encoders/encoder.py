"""BERT-style encoders as ONNX graphs that end in vectors of sentences or in scores of classes."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from stackc.models.encoders import encoder_output
from stackc.models.encoders.bert import EncoderConfig, read_tensors
from stackc.models.encoders.head import Head
from stackc.models.encoders.sentence import Sentence
from stackc.models.errors import UnsupportedError
from stackc.models.formats.safetensors import SafetensorsFile
from stackc.models.graphs import quantization
from stackc.models.graphs.graph import DATA_FILE, GRAPH_FILE, Graph, Matrix
from stackc.models.graphs.quantization import Floats
from stackc.models.graphs.rounding import Weight

# Half the decoder's block: as fast, a tenth larger, and a third less of the error that 8-bit
# activations cause behind BERT's layer norms, whose outputs have outliers.
_BLOCK: Final = 16


def build_encoder(
    file: SafetensorsFile,
    config: EncoderConfig,
    *,
    folder: Path,
    quantization: str,
    head: Head | None,
    progress: Callable[[int, int], None],
) -> None:
    """Writes the encoder's graph and weights into ``folder``.

    Inputs: ``input_ids`` and ``attention_mask`` int64 [batch, sequence], the mask 1 for tokens and
    0 for padding; a reranker that tells the texts of a pair apart has ``token_type_ids`` too.
    Output: ``sentence_embedding`` float32 [batch, hidden_size], or of a reranker, a classifier and
    an encoder with a fitted ``head``: ``scores`` float32 [batch, labels].

    Raises:
        UnsupportedError: the sizes do not fit the 8-bit blocks, or a number does not fit float16.
        ModelError: a tensor is missing or cannot be read.
    """
    with (folder / DATA_FILE).open("wb") as data:
        graph = Graph(data=data, stored="float16" if quantization == "fp16" else "float32")
        weights = _Weights(file, config, eight_bit=quantization == "int8")
        hidden = _Encoder(graph, config, weights).build(progress)
        _finish(graph, config, weights, hidden, head)
        graph.save(folder / GRAPH_FILE, config.architecture)


def takes_token_types(config: EncoderConfig) -> bool:
    """Whether the graph is told which of two texts a token is of."""
    return config.kind == "reranker" and config.token_types > 1


def _finish(
    graph: Graph, config: EncoderConfig, weights: "_Weights", hidden: str, head: Head | None
) -> None:
    if not isinstance(config.output, Sentence):
        family = config.family
        encoder_output.classes(
            graph,
            hidden,
            dense=(weights.floats(f"{family.head}.weight"), weights.floats(f"{family.head}.bias")),
            between=family.head_activation,
            last=(weights.floats(f"{family.last}.weight"), weights.floats(f"{family.last}.bias")),
            activation=config.output.activation,
        )
    elif head is None:
        encoder_output.sentence(graph, hidden, config.output, "sentence_embedding")
        graph.output("sentence_embedding", "float32", ["batch", config.hidden_size])
    else:
        vector = encoder_output.sentence(graph, hidden, config.output, "sentence")
        encoder_output.fitted(graph, vector, head)


class _Weights:
    """Reads the tensors of a safetensors file in the number format of the artifact."""

    def __init__(self, file: SafetensorsFile, config: EncoderConfig, *, eight_bit: bool) -> None:
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
    """Builds the body of the graph, one method for each part of the model."""

    def __init__(self, graph: Graph, config: EncoderConfig, weights: _Weights) -> None:
        self._graph = graph
        self._config = config
        self._weights = weights

    def build(self, progress: Callable[[int, int], None]) -> str:
        """Adds the encoder; names its hidden states float32 [batch, sequence, hidden_size]."""
        graph = self._graph
        graph.input("input_ids", "int64", ["batch", "sequence"])
        graph.input("attention_mask", "int64", ["batch", "sequence"])
        graph.cast("attention_mask", "mask", "int32")
        hidden = self._embedding()
        for layer in range(self._config.layers):
            hidden = self._attention(layer, hidden)
            hidden = self._feed_forward(layer, hidden)
            progress(layer + 1, self._config.layers)
        return hidden

    def _embedding(self) -> str:
        graph = self._graph
        table = self._matrix("embeddings.word_embeddings")
        words = graph.lookup(table, "input_ids", "embeddings.words")
        positions, types = self._positions()
        graph.constant("positions", positions)
        graph.node("Shape", ["input_ids"], "length", start=1, end=2)
        graph.constant("start", np.array([0], np.int64))
        used = graph.node("Slice", ["positions", "start", "length"], "embeddings.positions")
        total = graph.node("Add", [words, used], "embeddings.sum")
        if types is not None:
            graph.input("token_type_ids", "int64", ["batch", "sequence"])
            graph.constant("token_types", types)
            kinds = graph.node("Gather", ["token_types", "token_type_ids"], "embeddings.types")
            total = graph.node("Add", [total, kinds], "embeddings.total")
        norm = [
            self._vector("embeddings.LayerNorm.weight"),
            self._vector("embeddings.LayerNorm.bias"),
        ]
        epsilon = self._config.norm_epsilon
        return graph.node("LayerNormalization", [total, *norm], "embeddings", epsilon=epsilon)

    def _positions(self) -> tuple[Floats, Floats | None]:
        """The vectors of positions, and those that tokens of another type than 0 add.

        Where every token has type 0, that type's vector is a part of each position's.
        """
        floats = self._weights.floats
        positions = floats("embeddings.position_embeddings.weight")[self._config.first_position :]
        if not self._config.token_types:
            return positions, None
        types = floats("embeddings.token_type_embeddings.weight")
        if takes_token_types(self._config):
            return positions, types
        return positions + types[0], None

    def _attention(self, layer: int, hidden: str) -> str:
        graph, floats, names = self._graph, self._weights.floats, self._config.family.names
        source, prefix = f"{self._config.family.layers}.{layer}", f"layers.{layer}.attention"
        parts = [f"{source}.{part}" for part in (names.query, names.key, names.value)]
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
        dense, norm = f"{source}.{names.attention}", f"{source}.{names.attention_norm}"
        projected = graph.linear(f"{prefix}.mixed", self._matrix(dense), f"{prefix}.output")
        return self._add_and_norm(projected, hidden, dense, norm, f"{prefix}.normalised")

    def _feed_forward(self, layer: int, hidden: str) -> str:
        graph, names = self._graph, self._config.family.names
        source, prefix = f"{self._config.family.layers}.{layer}", f"layers.{layer}.feed_forward"
        up, down = f"{source}.{names.up}", f"{source}.{names.down}"
        wide = graph.linear(hidden, self._matrix(up), f"{prefix}.up")
        self._activate(wide, self._vector(f"{up}.bias"), f"{prefix}.inner")
        narrow = graph.linear(f"{prefix}.inner", self._matrix(down), f"{prefix}.down")
        norm = f"{source}.{names.norm}"
        return self._add_and_norm(narrow, hidden, down, norm, f"{prefix}.normalised")

    def _activate(self, value: str, bias: str, output: str) -> None:
        if self._config.activation == "relu":
            total = self._graph.node("Add", [value, bias], f"{output}.sum")
            self._graph.node("Relu", [total], output)
        else:
            # `gelu` is exact; the other two names are of its approximation with tanh.
            kind = "BiasGelu" if self._config.activation == "gelu" else "FastGelu"
            self._graph.fused(kind, [value, bias], [output])

    def _add_and_norm(self, value: str, residual: str, dense: str, norm: str, output: str) -> str:
        """The normalised sum of ``value``, the bias of its dense layer and ``residual``."""
        names = (f"{norm}.weight", f"{norm}.bias", f"{dense}.bias")
        vectors = [self._vector(name) for name in names]
        epsilon = self._config.norm_epsilon
        inputs = [value, residual, *vectors]
        self._graph.fused("SkipLayerNormalization", inputs, [output], epsilon=epsilon)
        return output

    def _matrix(self, name: str) -> Matrix:
        values = self._weights.stored(self._weights.floats(f"{name}.weight"))
        return self._graph.matrix(f"{name}.weight", values)

    def _vector(self, name: str) -> str:
        return self._graph.constant(name, self._weights.floats(name))
