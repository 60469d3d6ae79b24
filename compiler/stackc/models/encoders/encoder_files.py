"""What ``model.json`` says of an encoder, and which heads fit it."""

from typing import Any

from stackc.models.encoders.bert import EncoderConfig
from stackc.models.encoders.encoder import takes_token_types
from stackc.models.encoders.head import Head
from stackc.models.encoders.sentence import Sentence
from stackc.models.errors import UnsupportedError


def check_head(head: Head, config: EncoderConfig) -> None:
    """Raises UnsupportedError unless ``head`` was fitted on vectors of such an encoder."""
    if not isinstance(config.output, Sentence):
        raise UnsupportedError("a head is fitted on a sentence encoder, and this has one already")
    if len(head.weights) != config.hidden_size:
        size = len(head.weights)
        raise UnsupportedError(f"the head has {size} weights for {config.hidden_size} numbers")


def describe(config: EncoderConfig, head: Head | None) -> dict[str, Any]:
    """The entries of ``model.json``.

    Of a classifier, ``decisive`` is the label that a long text has as soon as one of its windows
    has it: the positive one of two; with more labels, None for their mean, or for the maximum of
    each where they do not exclude each other (``exclusive``).
    """
    common = {
        "architecture": config.architecture,
        "max_tokens": config.max_tokens,
        "vocab_size": config.vocab_size,
    }
    if head is not None:
        return {"kind": "classifier", **common, **_classes(head.names, True, head.threshold)}
    if isinstance(config.output, Sentence):
        return {
            "kind": "encoder",
            **common,
            "embedding_dimension": config.hidden_size,
            "pooling": config.output.pooling,
            "normalize": config.output.normalize,
            "prompts": dict(config.output.prompts),
            "default_prompt": config.output.default_prompt,
        }
    if config.kind == "reranker":
        return {"kind": "reranker", **common, "token_types": takes_token_types(config)}
    exclusive = config.output.activation == "softmax"
    return {"kind": "classifier", **common, **_classes(config.output.labels, exclusive, 0.5)}


def _classes(labels: tuple[str, ...], exclusive: bool, threshold: float) -> dict[str, Any]:
    return {
        "labels": list(labels),
        "exclusive": exclusive,
        "decisive": 1 if exclusive and len(labels) == 2 else None,
        "threshold": threshold,
    }
