"""Writes the folder of a compiled model: the graph, the tokenizer and ``model.json``."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from stackc.models import bert, llama, tokenizer
from stackc.models.decoder import build_decoder
from stackc.models.encoder import build_encoder
from stackc.models.errors import CorruptFileError
from stackc.models.facts import gguf_of
from stackc.models.gguf import GgufFile
from stackc.models.safetensors import SafetensorsFile

Progress = Callable[[int, int], None]


# What is not finite ends in an error with the tensor's name, so numpy need not warn of it too.
_quiet = np.errstate(all="ignore")


@_quiet
def write_decoder(
    files: Mapping[str, Path],
    quantization: str,
    context_length: int,
    folder: Path,
    progress: Progress,
) -> None:
    """Compiles a GGUF file into ``folder``.

    Raises:
        ModelError: the file cannot be compiled.
    """
    name, path = gguf_of(files)
    with GgufFile(path, name=name) as file:
        config = llama.read_config(file)
        vocabulary = tokenizer.read_vocabulary(file)
        if len(vocabulary.tokens) > config.vocab_size:
            raise CorruptFileError(name, "it has more tokens than embeddings")
        _write_json(folder / "tokenizer.json", tokenizer.tokenizer_json(file, vocabulary))
        build_decoder(
            file,
            config,
            folder=folder,
            context_length=context_length,
            eight_bit=quantization == "int8",
            progress=progress,
        )
    description = {
        "kind": "decoder",
        "architecture": config.architecture,
        "vocab_size": config.vocab_size,
        "context_length": context_length,
        "layers": config.layers,
        "kv_heads": config.kv_heads,
        "head_dim": config.head_dim,
        "hidden_size": config.hidden_size,
        "bos_token_id": vocabulary.bos_id,
        "eos_token_ids": vocabulary.eos_ids,
        "add_bos_token": vocabulary.add_bos,
        "bos_token": vocabulary.text(vocabulary.bos_id),
        "eos_token": vocabulary.text(next(iter(vocabulary.eos_ids), None)),
        "quantization": quantization,
    }
    _write_json(folder / "model.json", description, indent=2)


@_quiet
def write_encoder(
    files: Mapping[str, Path], quantization: str, folder: Path, progress: Progress
) -> None:
    """Compiles the folder of a sentence encoder into ``folder``.

    Raises:
        ModelError: the files cannot be compiled.
    """
    config = bert.read_config(files)
    _write_json(folder / "tokenizer.json", _encoder_tokenizer(files, config))
    with SafetensorsFile(bert.required(files, bert.WEIGHTS), name=bert.WEIGHTS) as file:
        build_encoder(
            file,
            config,
            folder=folder,
            eight_bit=quantization == "int8",
            progress=progress,
        )
    description = {
        "kind": "encoder",
        "architecture": config.architecture,
        "embedding_dimension": config.hidden_size,
        "max_tokens": config.max_tokens,
        "pooling": config.pooling,
        "normalize": config.normalize,
        "vocab_size": config.vocab_size,
        "quantization": quantization,
    }
    _write_json(folder / "model.json", description, indent=2)


def _encoder_tokenizer(files: Mapping[str, Path], config: bert.BertConfig) -> dict[str, Any]:
    """The published tokenizer without its limits: the engine cuts and pads for its batches."""
    content = bert.read_json(files, bert.TOKENIZER)
    try:
        added = [token["id"] for token in content["added_tokens"]]
        highest = max([*content["model"]["vocab"].values(), *added])
        fits = highest < config.vocab_size
    except (AttributeError, KeyError, TypeError, ValueError):
        raise CorruptFileError(bert.TOKENIZER, "it has no vocabulary of ids") from None
    if not fits:
        raise CorruptFileError(bert.TOKENIZER, "it has more tokens than the model has embeddings")
    return {**content, "truncation": None, "padding": None}


def _write_json(path: Path, content: Any, indent: int | None = None) -> None:
    separators = (",", ":") if indent is None else None
    text = json.dumps(content, ensure_ascii=False, indent=indent, separators=separators)
    path.write_text(text + "\n", encoding="utf-8")
