"""Writes the folder of a compiled model: the graph, the tokenizer and ``model.json``."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from stackc.models.decoders.decoder import build_decoder
from stackc.models.decoders.decoder_format import decoder_format
from stackc.models.decoders.decoder_source import open_decoder
from stackc.models.encoders import bert
from stackc.models.encoders.encoder import build_encoder
from stackc.models.encoders.encoder_files import check_head, describe
from stackc.models.encoders.head import Head
from stackc.models.facts import Device
from stackc.models.formats import tokenizer_folder
from stackc.models.formats.entries import required
from stackc.models.formats.safetensors import SafetensorsFile

Progress = Callable[[int, int], None]


# What is not finite ends in an error with the tensor's name, so numpy need not warn of it too.
_quiet = np.errstate(all="ignore")


@_quiet
def write_decoder(
    files: Mapping[str, Path],
    quantization: str,
    device: Device,
    context_length: int,
    folder: Path,
    progress: Progress,
) -> None:
    """Compiles the decoder of a GGUF file or of a folder into ``folder``.

    Raises:
        ModelError: the files cannot be compiled.
    """
    form = decoder_format(quantization, device)
    with open_decoder(files) as source:
        config, tokenizer = source.config, source.tokenizer()
        _write_json(folder / "tokenizer.json", tokenizer.content)
        build_decoder(
            source.weights(),
            config,
            form,
            folder=folder,
            context_length=context_length,
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
        "kv_dtype": form.computed,
        **tokenizer.special.describe(),
        "quantization": quantization,
    }
    _write_json(folder / "model.json", description, indent=2)


@_quiet
def write_encoder(
    files: Mapping[str, Path],
    quantization: str,
    folder: Path,
    progress: Progress,
    *,
    head: Head | None = None,
) -> None:
    """Compiles the folder of an encoder into ``folder``, a sentence encoder with ``head`` or not.

    Raises:
        ModelError: the files cannot be compiled.
    """
    config = bert.read_config(files)
    if head is not None:
        check_head(head, config)
    _write_json(folder / "tokenizer.json", tokenizer_folder.published(files, config.vocab_size))
    with SafetensorsFile(required(files, bert.WEIGHTS), name=bert.WEIGHTS) as file:
        build_encoder(
            file,
            config,
            folder=folder,
            quantization=quantization,
            head=head,
            progress=progress,
        )
    description = {**describe(config, head), "quantization": quantization}
    _write_json(folder / "model.json", description, indent=2)


def _write_json(path: Path, content: Any, indent: int | None = None) -> None:
    separators = (",", ":") if indent is None else None
    text = json.dumps(content, ensure_ascii=False, indent=indent, separators=separators)
    path.write_text(text + "\n", encoding="utf-8")
