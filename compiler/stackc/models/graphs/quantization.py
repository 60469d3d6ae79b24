"""The 8-bit blocks that artifacts store, and the plain number formats of model files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stackc.models.errors import CorruptFileError

Floats = NDArray[np.float32]
Codes = NDArray[np.uint8]

ZERO: Final = 128  # MatMulNBits takes this code for zero where no zero points are given

_AT_ONCE: Final = 1 << 22  # numbers that are rounded together: temporary arrays stay small


@dataclass(frozen=True)
class Blocks:
    """A matrix ``[rows, columns]`` in 8 bits: ``(codes - zero_points) * scales``.

    ``codes`` is ``[rows, blocks, block size]``; ``scales`` and ``zero_points`` are
    ``[rows, blocks]``; no zero points means 128 everywhere.
    """

    codes: Codes
    scales: Floats
    zero_points: Codes | None = None

    def take(self, rows: NDArray[np.int64]) -> "Blocks":
        """The same matrix with its rows in another order."""
        zero_points = None if self.zero_points is None else self.zero_points[rows]
        return Blocks(self.codes[rows], self.scales[rows], zero_points)

    def split(self, width: int) -> "Blocks":
        """The same numbers in blocks of ``width`` columns, which divides the present width."""
        rows, per_row, block = self.codes.shape
        parts = block // width
        if parts == 1:
            return self
        zero_points = self.zero_points
        return Blocks(
            self.codes.reshape(rows, per_row * parts, width),
            self.scales.repeat(parts, axis=1),
            None if zero_points is None else zero_points.repeat(parts, axis=1),
        )

    def to_float(self) -> Floats:
        """The numbers that the blocks stand for, ``[rows, columns]``."""
        zero = np.float32(ZERO) if self.zero_points is None else self.zero_points[..., None]
        values = (self.codes.astype(np.float32) - zero) * self.scales[..., None]
        return values.reshape(len(self.codes), -1)


def stack(parts: Sequence[Blocks]) -> Blocks:
    """One matrix that has the rows of all the parts."""
    zero_points = None
    if any(part.zero_points is not None for part in parts):
        filled = [_explicit_zero_points(part) for part in parts]
        zero_points = np.concatenate(filled)
    codes = np.concatenate([part.codes for part in parts])
    return Blocks(codes, np.concatenate([part.scales for part in parts]), zero_points)


def _explicit_zero_points(blocks: Blocks) -> Codes:
    if blocks.zero_points is not None:
        return blocks.zero_points
    return np.full(blocks.scales.shape, ZERO, np.uint8)


def quantize(values: Floats, block: int = 32) -> Blocks:
    """Rounds a matrix ``[rows, columns]`` to 8 bits, symmetric around zero in each block.

    The rule of ggml's Q8_0: the largest magnitude of a block becomes 127.
    """
    rows, columns = values.shape
    codes = np.empty((rows, columns // block, block), np.uint8)
    scales = np.empty((rows, columns // block), np.float32)
    step = max(1, _AT_ONCE // columns)
    for start in range(0, rows, step):
        part = slice(start, start + step)
        codes[part], scales[part] = _rounded(values[part].reshape(-1, columns // block, block))
    return Blocks(codes, scales)


def _rounded(grouped: Floats) -> tuple[Codes, Floats]:
    scales = np.abs(grouped).max(axis=2) / np.float32(127)
    scales[scales < np.finfo(np.float32).tiny] = 0  # what is smaller has no inverse in float32
    inverse = np.divide(1, scales, out=np.zeros_like(scales), where=scales > 0)
    codes = np.rint(grouped * inverse[..., None]) + ZERO
    return codes.astype(np.uint8), scales


def checked(values: Floats, tensor: str, file: str) -> Floats:
    """The values themselves, if all are finite.

    Raises:
        CorruptFileError: one is infinite or NaN.
    """
    # One pass without a temporary array: a sum is finite only if no term is infinite or NaN.
    if np.isfinite(values.sum(dtype=np.float64)) or np.isfinite(values).all():
        return values
    raise CorruptFileError(file, f"tensor `{tensor}` holds infinite values or NaN")


def _f32(stored: Codes) -> Floats:
    return stored.reshape(-1).view("<f4")


def _f16(stored: Codes) -> Floats:
    return stored.reshape(-1).view("<f2").astype(np.float32)


def _bf16(stored: Codes) -> Floats:
    return (stored.reshape(-1).view("<u2").astype(np.uint32) << 16).view(np.float32)


PLAIN: Final[Mapping[str, Callable[[Codes], Floats]]] = {"F32": _f32, "F16": _f16, "BF16": _bf16}
"""From the bytes of the plain formats, which safetensors and ggml give the same names."""
