"""Number formats of model files as numpy arrays, and the 8-bit blocks that artifacts store."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stackc.models.errors import CorruptFileError, UnsupportedTensorTypeError
from stackc.models.gguf import GGML_TYPES, GgufFile, TensorInfo, type_name

Floats = NDArray[np.float32]
Codes = NDArray[np.uint8]

ZERO: Final = 128  # MatMulNBits takes this code for zero where no zero points are given


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
    grouped = values.reshape(len(values), -1, block)
    scales = np.abs(grouped).max(axis=2) / np.float32(127)
    inverse = np.divide(1, scales, out=np.zeros_like(scales), where=scales > 0)
    codes = np.rint(grouped * inverse[..., None]) + ZERO
    return Blocks(codes.astype(np.uint8), scales)


def checked(values: Floats, tensor: str, file: str) -> Floats:
    """The values themselves, if all are finite.

    Raises:
        CorruptFileError: one is infinite or NaN.
    """
    # One pass without a temporary array: a sum is finite only if no term is infinite or NaN.
    if np.isfinite(values.sum(dtype=np.float64)) or np.isfinite(values).all():
        return values
    raise CorruptFileError(file, f"tensor `{tensor}` holds infinite values or NaN")


def floats(file: GgufFile, info: TensorInfo) -> Floats:
    """A tensor of a GGUF file as float32, in its own shape.

    Raises:
        UnsupportedTensorTypeError: the tensor has a ggml type without a decoder.
        CorruptFileError: it holds infinite values or NaN.
    """
    values = _decoder(info).floats(_stored_blocks(file, info)).reshape(info.shape)
    return checked(values, info.name, file.name)


def blocks(file: GgufFile, info: TensorInfo) -> Blocks:
    """A matrix of a GGUF file in 8-bit blocks; exact for Q8_0 and Q4_0.

    Raises:
        UnsupportedTensorTypeError: the tensor has a ggml type without a decoder.
        CorruptFileError: it holds infinite values or NaN.
    """
    convert = _decoder(info).blocks
    if convert is None:
        return quantize(floats(file, info))
    converted = convert(_stored_blocks(file, info))
    checked(converted.scales, info.name, file.name)
    return converted


def _decoder(info: TensorInfo) -> "_Decoder":
    decoder = _DECODERS.get(type_name(info.type_code))
    if decoder is None:
        raise UnsupportedTensorTypeError(info.name, type_name(info.type_code), sorted(_DECODERS))
    return decoder


def _stored_blocks(file: GgufFile, info: TensorInfo) -> Codes:
    """The bytes of a tensor as ``[rows, blocks in a row, bytes of a block]``, not copied."""
    kind = GGML_TYPES[info.type_code]
    per_row = info.shape[-1] // kind.block
    count = info.elements // kind.block * kind.size
    raw = np.frombuffer(file.buffer, np.uint8, count, info.offset)
    return raw.reshape(-1, per_row, kind.size)


def _halves(stored: Codes, start: int) -> Floats:
    """The float16 at byte ``start`` of every block, ``[rows, blocks]``."""
    return stored[..., start : start + 2].copy().view("<f2")[..., 0].astype(np.float32)


def _f32(stored: Codes) -> Floats:
    return stored.reshape(-1).view("<f4")


def _f16(stored: Codes) -> Floats:
    return stored.reshape(-1).view("<f2").astype(np.float32)


def _bf16(stored: Codes) -> Floats:
    return (stored.reshape(-1).view("<u2").astype(np.uint32) << 16).view(np.float32)


def _high_nibbles(packed: Codes, low_bits: int) -> Codes:
    """Sixteen bytes a block to 32 codes ``16 q + low_bits``; low nibbles come first."""
    first = (packed << 4) | np.uint8(low_bits)
    second = (packed & np.uint8(0xF0)) | np.uint8(low_bits)
    return np.concatenate([first, second], axis=2)


def _q8_0_blocks(stored: Codes) -> Blocks:
    return Blocks(stored[..., 2:] ^ np.uint8(ZERO), _halves(stored, 0))


def _q4_0_blocks(stored: Codes) -> Blocks:
    return Blocks(_high_nibbles(stored[..., 2:], 0), _halves(stored, 0) / np.float32(16))


def _q4_1_floats(stored: Codes) -> Floats:
    quants = _high_nibbles(stored[..., 4:], 0) >> 4
    scales, minima = _halves(stored, 0)[..., None], _halves(stored, 2)[..., None]
    return quants * scales + minima


def _q4_1_blocks(stored: Codes) -> Blocks:
    """Q4_1 stores ``d q + m`` with a float m: the zero point rounds it to a sixteenth of d.

    With ``16 q + 7`` as codes nothing clips while m lies in [-15 d, 0], as it does in blocks that
    contain both signs; the other blocks are rounded anew.
    """
    codes = _high_nibbles(stored[..., 4:], 7)
    step, minima = _halves(stored, 0), _halves(stored, 2)
    with np.errstate(all="ignore"):  # a step of zero gives no number, and so does not fit
        zero_points = np.rint(7 - 16 * minima / step)
    fits = (zero_points >= 0) & (zero_points <= 255)
    scales = step / np.float32(16)
    if not fits.all():
        anew = quantize(_q4_1_floats(stored)[~fits])
        codes[~fits], scales[~fits] = anew.codes[:, 0], anew.scales[:, 0]
        zero_points[~fits] = ZERO
    return Blocks(codes, scales, zero_points.astype(np.uint8))


def _q8_0_floats(stored: Codes) -> Floats:
    return _q8_0_blocks(stored).to_float()


def _q4_0_floats(stored: Codes) -> Floats:
    return _q4_0_blocks(stored).to_float()


@dataclass(frozen=True)
class _Decoder:
    """How a ggml type becomes float32 and, where there is a way with less loss, 8-bit blocks."""

    floats: Callable[[Codes], Floats]
    blocks: Callable[[Codes], Blocks] | None = None


PLAIN: Final[Mapping[str, Callable[[Codes], Floats]]] = {"F32": _f32, "F16": _f16, "BF16": _bf16}
_DECODERS: Final[Mapping[str, _Decoder]] = {
    **{name: _Decoder(decode) for name, decode in PLAIN.items()},
    "Q4_0": _Decoder(_q4_0_floats, _q4_0_blocks),
    "Q4_1": _Decoder(_q4_1_floats, _q4_1_blocks),
    "Q8_0": _Decoder(_q8_0_floats, _q8_0_blocks),
}
