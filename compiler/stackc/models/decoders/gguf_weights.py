"""The weights of a decoder out of a GGUF file, in the number format of the artifact."""

import numpy as np

from stackc.models.decoders.decoder_config import DecoderConfig
from stackc.models.decoders.gguf_decoder import INTERLEAVED, NAMES
from stackc.models.formats import ggml
from stackc.models.formats.gguf import GgufFile
from stackc.models.graphs.quantization import Floats
from stackc.models.graphs.rounding import Rounding, Weight


class GgufWeights:
    """Reads tensors by the names that ``expected_tensors`` gives them."""

    def __init__(self, file: GgufFile, config: DecoderConfig) -> None:
        self._file = file
        interleaved = config.architecture in INTERLEAVED
        self._rotary_heads = {"query": config.heads, "key": config.kv_heads} if interleaved else {}

    def vector(self, name: str) -> Floats:
        """A tensor of one dimension.

        Raises:
            CorruptFileError: it holds infinite values or NaN.
        """
        return ggml.floats(self._file, self._file.tensors[NAMES.of(name)])

    def matrix(self, name: str, rounding: Rounding | None) -> Weight:
        """A matrix in float32, or in blocks of at most as many columns as ``rounding`` has.

        Raises:
            UnsupportedError: its rows cannot be cut into such blocks.
            CorruptFileError: it holds infinite values or NaN.
        """
        info = self._file.tensors[NAMES.of(name)]
        heads = self._rotary_heads.get(name.split(".")[-2])
        order = None
        if heads is not None:
            order = np.arange(info.shape[0]).reshape(heads, -1, 2).swapaxes(1, 2).ravel()
        if rounding is None:
            floats = ggml.floats(self._file, info)
            return floats if order is None else floats[order]
        rounding.check(info.name, info.shape[1])
        read = ggml.nibbles if rounding.bits == 4 else ggml.blocks
        blocks = read(self._file, info, rounding.block)
        return blocks if order is None else blocks.take(order)
