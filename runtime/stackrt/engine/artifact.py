"""Reads model.json, which says how the ONNX file beside it is fed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stackrt.lifecycle import StartError


@dataclass(frozen=True, kw_only=True)
class FillTokens:
    """The tokens before what a gap in a text comes after, before what follows it, and before it.

    As in "Efficient Training of Language Models to Fill in the Middle", Bavarian et al. 2022.
    """

    prefix: int
    suffix: int
    middle: int


@dataclass(frozen=True, kw_only=True)
class DecoderArtifact:
    """A compiled language model: sizes of its cache, and the tokens that begin and end a text.

    `kv_dtype` is the number format of the cache: float32 where it is compiled for the CPU, float16
    for CUDA. `fill_tokens` are those of a model that was trained to fill gaps.
    """

    vocab_size: int
    context_length: int
    layers: int
    kv_heads: int
    head_dim: int
    kv_dtype: str
    bos_token_id: int | None
    eos_token_ids: frozenset[int]
    add_bos_token: bool
    fill_tokens: FillTokens | None = None


@dataclass(frozen=True, kw_only=True)
class EncoderArtifact:
    """A compiled embedding model; `max_tokens` counts the special tokens too.

    `prompts` are the instructions that the model wants before a text, by what the text is;
    `default_prompt` names the one of a text of which nothing is said.
    """

    vocab_size: int
    embedding_dimension: int
    max_tokens: int
    prompts: Mapping[str, str]
    default_prompt: str | None


@dataclass(frozen=True, kw_only=True)
class RerankArtifact:
    """A compiled cross-encoder; `token_types` says that it is told which text a token is of."""

    max_tokens: int
    token_types: bool


@dataclass(frozen=True, kw_only=True)
class ClassifierArtifact:
    """A compiled classifier.

    `exclusive` says that a text has one of the `labels`; else it has those with a score of at
    least `threshold`. `decisive` is the index of the label, of two, that a long text has if any of
    its parts has it, with a score of at least `threshold`.
    """

    max_tokens: int
    labels: tuple[str, ...]
    exclusive: bool
    decisive: int | None
    threshold: float


def read_decoder(folder: Path) -> DecoderArtifact:
    """The description of the decoder in `folder`. Raises ValueError for another kind of model."""
    fields = _read(folder, "decoder")
    return DecoderArtifact(
        vocab_size=fields["vocab_size"],
        context_length=fields["context_length"],
        layers=fields["layers"],
        kv_heads=fields["kv_heads"],
        head_dim=fields["head_dim"],
        kv_dtype=fields["kv_dtype"],
        bos_token_id=fields["bos_token_id"],
        eos_token_ids=frozenset(fields["eos_token_ids"]),
        add_bos_token=fields["add_bos_token"],
        fill_tokens=_fill_tokens(fields),
    )


def _fill_tokens(fields: Mapping[str, Any]) -> FillTokens | None:
    prefix, suffix = fields.get("fim_prefix_id"), fields.get("fim_suffix_id")
    middle = fields.get("fim_middle_id")
    if prefix is None or suffix is None or middle is None:
        return None
    return FillTokens(prefix=prefix, suffix=suffix, middle=middle)


def read_encoder(folder: Path) -> EncoderArtifact:
    """The description of the encoder in `folder`. Raises ValueError for another kind of model."""
    fields = _read(folder, "encoder")
    return EncoderArtifact(
        vocab_size=fields["vocab_size"],
        embedding_dimension=fields["embedding_dimension"],
        max_tokens=fields["max_tokens"],
        prompts=fields["prompts"],
        default_prompt=fields["default_prompt"],
    )


def read_reranker(folder: Path) -> RerankArtifact:
    """The description of the reranker in `folder`. Raises ValueError for another kind of model."""
    fields = _read(folder, "reranker")
    return RerankArtifact(max_tokens=fields["max_tokens"], token_types=fields["token_types"])


def read_classifier(folder: Path) -> ClassifierArtifact:
    """The description of the classifier in `folder`; ValueError for another kind of model."""
    fields = _read(folder, "classifier")
    return ClassifierArtifact(
        max_tokens=fields["max_tokens"],
        labels=tuple(fields["labels"]),
        exclusive=fields["exclusive"],
        decisive=fields["decisive"],
        threshold=fields["threshold"],
    )


def _read(folder: Path, kind: str) -> dict[str, Any]:
    path = folder / "model.json"
    try:
        fields: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise StartError(f"{path} cannot be read: {error}") from error
    if fields["kind"] != kind:
        raise ValueError(f"{path} describes a model of kind `{fields['kind']}`, not `{kind}`")
    return fields
