"""How the numbers of a matrix are rounded to blocks of few bits."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from stackc.models.errors import UnsupportedError
from stackc.models.graphs import nibbles, quantization
from stackc.models.graphs.nibbles import Nibbles
from stackc.models.graphs.quantization import Blocks, Floats

Weight = Floats | Blocks | Nibbles
"""A matrix as an artifact stores it."""


@dataclass(frozen=True)
class Rounding:
    """Numbers of ``bits`` bits, of which ``block`` neighbours in a row share a scale."""

    bits: Literal[4, 8]
    block: int

    def check(self, tensor: str, columns: int) -> None:
        """Raises UnsupportedError if the rows of the tensor cannot be cut into blocks."""
        if columns % self.block:
            raise UnsupportedError(
                f"rows of tensor `{tensor}` are no multiple of {self.block}: use fp32"
            )

    def of(self, values: Floats) -> Blocks | Nibbles:
        """A matrix ``[rows, columns]``, rounded."""
        rounded = nibbles.quantize if self.bits == 4 else quantization.quantize
        return rounded(values, self.block)


def stack(parts: list[Weight]) -> Weight:
    """One matrix of all rows; the parts have the same number format."""
    match parts[0]:
        case Blocks():
            return quantization.stack([part for part in parts if isinstance(part, Blocks)])
        case Nibbles():
            return nibbles.stack([part for part in parts if isinstance(part, Nibbles)])
    return np.concatenate([part for part in parts if isinstance(part, np.ndarray)])
