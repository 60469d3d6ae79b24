"""A decoder as its files give it: one GGUF file, or a folder of safetensors files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from stackc.models.decoders import gguf_decoder, safetensors_decoder, tokenizer
from stackc.models.decoders.decoder_config import DecoderConfig
from stackc.models.decoders.special_tokens import SpecialTokens
from stackc.models.decoders.tokenizer import Json
from stackc.models.errors import CorruptFileError
from stackc.models.formats import tokenizer_folder
from stackc.models.formats.gguf import GgufFile
from stackc.models.formats.shards import Shards

if TYPE_CHECKING:
    from stackc.models.decoders.decoder import DecoderWeights


@dataclass(frozen=True)
class DecoderTokenizer:
    """The content of ``tokenizer.json``, which adds no tokens by itself, and what these mean."""

    content: Json
    special: SpecialTokens


class DecoderSource(Protocol):
    """Where a decoder's parts come from; a kind of file is known in its implementation only."""

    @property
    def config(self) -> DecoderConfig:
        """The shape of the model, checked against its tensors."""

    @property
    def parameters(self) -> int:
        """How many numbers the model has learnt."""

    def tokenizer(self) -> DecoderTokenizer:
        """Raises ModelError where it has no counterpart or does not fit the model."""

    def weights(self) -> DecoderWeights:
        """The weights, valid while the source is open."""


@contextmanager
def open_decoder(files: Mapping[str, Path]) -> Iterator[DecoderSource]:
    """The decoder in ``files`` (path inside the model's folder to file).

    Raises:
        ModelError: it is damaged, or there is no converter for it.
    """
    if safetensors_decoder.CONFIG in files:
        with Shards(files) as shards:
            yield _FolderSource(files, shards)
    else:
        name, path = gguf_of(files)
        with GgufFile(path, name=name) as file:
            yield _GgufSource(file)


def gguf_of(files: Mapping[str, Path]) -> tuple[str, Path]:
    """Name and place of a decoder's only file."""
    ((name, path),) = files.items()
    return name, path


# The weights are imported where they are asked for, because numpy and onnx take longer to import
# than all that is read here.


class _GgufSource:
    def __init__(self, file: GgufFile) -> None:
        self._file = file
        self.config = gguf_decoder.read_config(file)
        tokenizer.check(file)

    @property
    def parameters(self) -> int:
        return sum(tensor.elements for tensor in self._file.tensors.values())

    def tokenizer(self) -> DecoderTokenizer:
        vocabulary = tokenizer.read_vocabulary(self._file)
        if len(vocabulary.tokens) > self.config.vocab_size:
            raise CorruptFileError(self._file.name, "it has more tokens than embeddings")
        content = tokenizer.tokenizer_json(self._file, vocabulary)
        return DecoderTokenizer(content, tokenizer.special_tokens(self._file, vocabulary))

    def weights(self) -> DecoderWeights:
        from stackc.models.decoders.gguf_weights import GgufWeights

        return GgufWeights(self._file, self.config)


class _FolderSource:
    def __init__(self, files: Mapping[str, Path], shards: Shards) -> None:
        self._files = files
        self._shards = shards
        self.config = safetensors_decoder.read_config(files, shards)

    @property
    def parameters(self) -> int:
        return sum(tensor.elements for _, tensor in self._shards.tensors.values())

    def tokenizer(self) -> DecoderTokenizer:
        content, special = tokenizer_folder.read(self._files, self.config.vocab_size)
        return DecoderTokenizer(content, special)

    def weights(self) -> DecoderWeights:
        from stackc.models.decoders.safetensors_weights import SafetensorsWeights

        return SafetensorsWeights(self._shards)
