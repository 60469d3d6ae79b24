"""The 4-bit blocks that artifacts store."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stackc.models.graphs.quantization import Codes, Floats

MIDDLE: Final = 8  # MatMulNBits takes this value for zero where no zero points are given

_TOP: Final = np.float32(15)
_SMALLEST: Final = np.float32(1e-37)
_AT_ONCE: Final = 1 << 20  # numbers that are rounded together: temporary arrays stay small
_WIDTHS: Final = np.linspace(1.0, 0.7, 8, dtype=np.float32)  # of the range, tried in turn


@dataclass(frozen=True)
class Nibbles:
    """A matrix ``[rows, columns]`` in 4 bits: ``(values - 8) * scales + offsets``.

    ``values`` is ``[rows, blocks, block size]`` of 0 to 15; ``scales`` and ``offsets`` are
    ``[rows, blocks]``; no offsets means 0 everywhere.
    """

    values: Codes
    scales: Floats
    offsets: Floats | None = None

    def take(self, rows: NDArray[np.int64]) -> "Nibbles":
        """The same matrix with its rows in another order."""
        offsets = None if self.offsets is None else self.offsets[rows]
        return Nibbles(self.values[rows], self.scales[rows], offsets)

    def packed(self) -> Codes:
        """Two values to a byte, the first in its low half: ``[rows, blocks, block size / 2]``."""
        return self.values[..., 0::2] | self.values[..., 1::2] << np.uint8(4)

    def to_float(self) -> Floats:
        """The numbers that the blocks stand for, ``[rows, columns]``."""
        numbers = (self.values.astype(np.float32) - MIDDLE) * self.scales[..., None]
        if self.offsets is not None:
            numbers += self.offsets[..., None]
        return numbers.reshape(len(numbers), -1)


def stack(parts: Sequence[Nibbles]) -> Nibbles:
    """One matrix that has the rows of all the parts."""
    offsets = None
    if any(part.offsets is not None for part in parts):
        offsets = np.concatenate([_explicit_offsets(part) for part in parts])
    values = np.concatenate([part.values for part in parts])
    return Nibbles(values, np.concatenate([part.scales for part in parts]), offsets)


def _explicit_offsets(part: Nibbles) -> Floats:
    return np.zeros_like(part.scales) if part.offsets is None else part.offsets


def quantize(values: Floats, block: int = 32) -> Nibbles:
    """Rounds a matrix ``[rows, columns]`` to 4 bits, with a scale and an offset for each block.

    Sixteen even steps over the whole range of a block, or a part of it with its ends clipped: of
    some such parts the one with the least square error. The values once given, scale and offset
    are the line of least squares through them.
    """
    rows, columns = values.shape
    codes = np.empty((rows, columns // block, block), np.uint8)
    scales = np.empty((rows, columns // block), np.float32)
    offsets = np.empty_like(scales)
    step = max(1, _AT_ONCE // columns)
    for start in range(0, rows, step):
        part = slice(start, start + step)
        grouped = values[part].reshape(-1, columns // block, block)
        codes[part], scales[part], offsets[part] = _fitted(grouped)
    return Nibbles(codes, scales, offsets)


def _fitted(grouped: Floats) -> tuple[Codes, Floats, Floats]:
    low, high = grouped.min(axis=2), grouped.max(axis=2)
    centre = low / 2 + high / 2  # halved first: the sum of two large numbers may be infinite
    step = high / _TOP - low / _TOP
    # Of a block with smaller steps the centre is all that is kept: their inverse is infinite.
    inverse = np.divide(1, step, out=np.zeros_like(step), where=step > _SMALLEST)
    numbers = (grouped - centre[..., None]) * inverse[..., None]  # from -7.5 to 7.5
    codes = np.empty(grouped.shape, np.uint8)
    scales, offsets = np.empty_like(low), np.empty_like(low)
    errors = np.full(low.shape, np.inf, np.float32)
    for width in _WIDTHS:
        tried = np.clip(np.rint(numbers / width + _TOP / 2), 0, _TOP) - MIDDLE
        scale, offset = _line(tried, numbers)
        missed = tried * scale[..., None] + offset[..., None] - numbers
        error = np.einsum("rbi,rbi->rb", missed, missed)
        better = error < errors
        codes[better], errors[better] = tried[better] + MIDDLE, error[better]
        scales[better], offsets[better] = scale[better], offset[better]
    return codes, scales * step, offsets * step + centre


def _line(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Slope and offset ``[rows, blocks]`` of the lines of least squares through the blocks."""
    mean = x.mean(axis=2)
    apart = x - mean[..., None]
    variance = np.einsum("rbi,rbi->rb", apart, apart)
    covariance = np.einsum("rbi,rbi->rb", apart, y)
    slope = np.divide(covariance, variance, out=np.zeros_like(mean), where=variance > 0)
    return slope, y.mean(axis=2) - slope * mean
