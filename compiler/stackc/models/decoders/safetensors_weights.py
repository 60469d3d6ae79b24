"""The weights of a decoder out of safetensors files, in the number format of the artifact."""

import numpy as np

from stackc.models.decoders.safetensors_decoder import NAMES
from stackc.models.formats.shards import Shards
from stackc.models.graphs import quantization
from stackc.models.graphs.quantization import Floats
from stackc.models.graphs.rounding import Rounding, Weight


class SafetensorsWeights:
    """Reads tensors by the names that ``expected_tensors`` gives them."""

    def __init__(self, shards: Shards) -> None:
        self._shards = shards

    def vector(self, name: str) -> Floats:
        """A tensor as float32.

        Raises:
            CorruptFileError: it holds infinite values or NaN.
        """
        file, tensor = self._shards.tensors[NAMES.of(name)]
        raw = np.frombuffer(file.buffer, np.uint8, tensor.size, tensor.offset)
        values = quantization.PLAIN[tensor.dtype](raw).reshape(tensor.shape)
        return quantization.checked(values, tensor.name, file.name)

    def matrix(self, name: str, rounding: Rounding | None) -> Weight:
        """A matrix in float32, or in blocks of as many columns as ``rounding`` has.

        Raises:
            UnsupportedError: its rows cannot be cut into such blocks.
            CorruptFileError: it holds infinite values or NaN.
        """
        values = self.vector(name)
        if rounding is None:
            return values
        rounding.check(NAMES.of(name), values.shape[1])
        return rounding.of(values)
