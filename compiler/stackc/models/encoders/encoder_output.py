"""The ends of an encoder's graph: the vector of a sentence, or scores of classes."""

from typing import Final

import numpy as np

from stackc.models.encoders.head import Head
from stackc.models.encoders.sentence import Sentence
from stackc.models.graphs.graph import Graph
from stackc.models.graphs.quantization import Floats

# sentence-transformers: the floors of the mean's divisor and of the norm, and what stands in the
# maximum for a token that is padding.
_FEWEST_TOKENS: Final = 1e-9
_SMALLEST_NORM: Final = 1e-12
_NO_TOKEN: Final = -1e9

SCORES: Final = "scores"


def sentence(graph: Graph, hidden: str, about: Sentence, output: str) -> str:
    """One vector for each row, ``output``; ``hidden`` is [batch, sequence, hidden_size]."""
    pooled = {"cls": _first, "mean": _mean, "max": _max}[about.pooling](graph, hidden)
    if not about.normalize:
        return graph.node("Identity", [pooled], output)
    axis = graph.constant("feature_axis", np.array([1], np.int64))
    norm = graph.node("ReduceL2", [pooled, axis], "norm", keepdims=1)
    floor = graph.constant("norm.floor", np.array(_SMALLEST_NORM, np.float32))
    norm = graph.node("Max", [norm, floor], "norm.divisor")
    return graph.node("Div", [pooled, norm], output)


def classes(
    graph: Graph,
    hidden: str,
    *,
    dense: tuple[Floats, Floats],
    between: str,
    last: tuple[Floats, Floats],
    activation: str,
) -> None:
    """``scores`` of the first token's vector through two layers, each a matrix and its bias."""
    inner = _layer(graph, _first(graph, hidden), dense, "head.dense")
    kind = {"tanh": "Tanh", "relu": "Relu"}[between]
    inner = graph.node(kind, [inner], "head.inner")
    _scores(graph, _layer(graph, inner, last, "head.logits"), activation, len(last[1]))


def fitted(graph: Graph, vector: str, head: Head) -> None:
    """``scores`` [batch, 2] of a logistic head: the softmax of 0 and its logit."""
    weights = np.array([np.zeros(len(head.weights)), head.weights], np.float32)
    bias = np.array([0, head.bias], np.float32)
    _scores(graph, _layer(graph, vector, (weights, bias), "head.logits"), "softmax", 2)


def _scores(graph: Graph, logits: str, activation: str, labels: int) -> None:
    if activation == "softmax":
        graph.node("Softmax", [logits], SCORES, axis=-1)
    else:
        graph.node({"sigmoid": "Sigmoid", "identity": "Identity"}[activation], [logits], SCORES)
    graph.output(SCORES, "float32", ["batch", labels])


def _layer(graph: Graph, value: str, layer: tuple[Floats, Floats], output: str) -> str:
    weight = graph.constant(f"{output}.weight", layer[0])
    bias = graph.constant(f"{output}.bias", layer[1])
    return graph.node("Gemm", [value, weight, bias], output, transB=1)


def _first(graph: Graph, hidden: str) -> str:
    first = graph.constant("first", np.array(0, np.int64))
    return graph.node("Gather", [hidden, first], "pooled", axis=1)


def _mean(graph: Graph, hidden: str) -> str:
    """The mean over the tokens of the mask."""
    axis = graph.constant("sequence_axis", np.array([1], np.int64))
    weights = graph.cast("attention_mask", "pooling.weights", "float32")
    row = graph.node("Unsqueeze", [weights, axis], "pooling.row")
    total = graph.node("MatMul", [row, hidden], "pooling.total")
    total = graph.node("Squeeze", [total, axis], "pooling.sum")
    count = graph.node("ReduceSum", [weights, axis], "pooling.count", keepdims=1)
    floor = graph.constant("pooling.floor", np.array(_FEWEST_TOKENS, np.float32))
    count = graph.node("Max", [count, floor], "pooling.divisor")
    return graph.node("Div", [total, count], "pooled")


def _max(graph: Graph, hidden: str) -> str:
    """The maximum over the tokens of the mask, number by number."""
    last = graph.constant("pooling.last_axis", np.array([-1], np.int64))
    token = graph.cast("attention_mask", "pooling.is_token", "bool")
    column = graph.node("Unsqueeze", [token, last], "pooling.column")
    padding = graph.constant("pooling.no_token", np.array(_NO_TOKEN, np.float32))
    kept = graph.node("Where", [column, hidden, padding], "pooling.kept")
    axis = graph.constant("sequence_axis", np.array([1], np.int64))
    return graph.node("ReduceMax", [kept, axis], "pooled", keepdims=0)
