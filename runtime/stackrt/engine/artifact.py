"""Reads model.json, which says how the ONNX file beside it is fed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class DecoderArtifact:
    """A compiled language model: sizes of its cache, and the tokens that begin and end a text."""

    vocab_size: int
    context_length: int
    layers: int
    kv_heads: int
    head_dim: int
    bos_token_id: int | None
    eos_token_ids: frozenset[int]
    add_bos_token: bool


@dataclass(frozen=True, kw_only=True)
class EncoderArtifact:
    """A compiled embedding model; `max_tokens` counts the special tokens too."""

    vocab_size: int
    embedding_dimension: int
    max_tokens: int


def read_decoder(folder: Path) -> DecoderArtifact:
    """The description of the decoder in `folder`. Raises ValueError for another kind of model."""
    fields = _read(folder, "decoder")
    return DecoderArtifact(
        vocab_size=fields["vocab_size"],
        context_length=fields["context_length"],
        layers=fields["layers"],
        kv_heads=fields["kv_heads"],
        head_dim=fields["head_dim"],
        bos_token_id=fields["bos_token_id"],
        eos_token_ids=frozenset(fields["eos_token_ids"]),
        add_bos_token=fields["add_bos_token"],
    )


def read_encoder(folder: Path) -> EncoderArtifact:
    """The description of the encoder in `folder`. Raises ValueError for another kind of model."""
    fields = _read(folder, "encoder")
    return EncoderArtifact(
        vocab_size=fields["vocab_size"],
        embedding_dimension=fields["embedding_dimension"],
        max_tokens=fields["max_tokens"],
    )


def _read(folder: Path, kind: str) -> dict[str, Any]:
    path = folder / "model.json"
    fields: dict[str, Any] = json.loads(path.read_bytes())
    if fields["kind"] != kind:
        raise ValueError(f"{path} describes a model of kind `{fields['kind']}`, not `{kind}`")
    return fields
