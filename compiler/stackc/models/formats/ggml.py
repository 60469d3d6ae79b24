"""The number formats of GGUF tensors, as float32 and as the 8-bit blocks that artifacts store."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from stackc.models.errors import UnsupportedTensorTypeError
from stackc.models.formats.gguf import GGML_TYPES, GgufFile, TensorInfo, type_name
from stackc.models.graphs import nibbles as four_bits
from stackc.models.graphs import quantization
from stackc.models.graphs.nibbles import MIDDLE, Nibbles
from stackc.models.graphs.quantization import PLAIN, ZERO, Blocks, Codes, Floats


def floats(file: GgufFile, info: TensorInfo) -> Floats:
    """A tensor as float32, in its own shape.

    Raises:
        UnsupportedTensorTypeError: the tensor has a ggml type without a decoder.
        CorruptFileError: it holds infinite values or NaN.
    """
    stored, name = _stored(file, info), type_name(info.type_code)
    plain = PLAIN.get(name)
    values = plain(stored) if plain else _UNPACK[name](stored).to_float()
    return quantization.checked(values.reshape(info.shape), info.name, file.name)


def blocks(file: GgufFile, info: TensorInfo, width: int = 32) -> Blocks:
    """A matrix in 8-bit blocks as wide as its own, or ``width`` columns if that is less.

    Exact for Q4_0, Q5_0, Q6_K and Q8_0; the types with minima keep their steps and round the
    minima; others are rounded.

    Raises:
        UnsupportedTensorTypeError: the tensor has a ggml type without a decoder.
        CorruptFileError: it holds infinite values or NaN.
    """
    stored, name = _stored(file, info), type_name(info.type_code)
    if name in PLAIN:
        return quantization.quantize(floats(file, info), width)
    converted = _UNPACK[name](stored).to_blocks()
    quantization.checked(converted.scales, info.name, file.name)
    return converted.split(min(width, converted.codes.shape[-1]))


def nibbles(file: GgufFile, info: TensorInfo, width: int = 32) -> Nibbles:
    """A matrix in 4-bit blocks of ``width`` columns.

    Exact for Q4_0, Q4_1 and Q4_K, the blocks of which have 32 columns; others are rounded.

    Raises:
        UnsupportedTensorTypeError: the tensor has a ggml type without a decoder.
        CorruptFileError: it holds infinite values or NaN.
    """
    stored, name = _stored(file, info), type_name(info.type_code)
    quants = None if name in PLAIN else _UNPACK[name](stored)
    if quants is None or quants.bits != 4 or quants.values.shape[-1] != width:
        return four_bits.quantize(floats(file, info), width)
    converted = quants.to_nibbles()
    for part in (converted.scales, converted.offsets):
        if part is not None:
            quantization.checked(part, info.name, file.name)
    return converted


@dataclass(frozen=True)
class _Quants:
    """A matrix as ggml stores it: ``values * steps + minima``.

    ``values`` is ``[rows, blocks, block size]`` of ``bits`` bits each; ``steps`` and ``minima`` are
    ``[rows, blocks]``. Without minima the middle of the range stands for zero.
    """

    values: Codes
    bits: int
    steps: Floats
    minima: Floats | None = None

    def to_float(self) -> Floats:
        """The numbers, ``[rows, columns]``."""
        steps = self.steps[..., None]
        if self.minima is None:
            middle = np.float32(1 << (self.bits - 1))
            numbers = (self.values - middle) * steps
        else:
            numbers = self.values * steps + self.minima[..., None]
        return numbers.reshape(len(numbers), -1)

    def to_blocks(self) -> Blocks:
        """The same in 8 bits, exact where there are no minima."""
        if self.minima is not None:
            return _rounded_minima(self, self.minima)
        shift = np.uint8(ZERO - (1 << (self.bits - 1)))
        return Blocks(self.values + shift, self.steps)

    def to_nibbles(self) -> Nibbles:
        """The same in 4 bits, of which it must be."""
        if self.minima is None:
            return Nibbles(self.values, self.steps)
        return Nibbles(self.values, self.steps, self.minima + MIDDLE * self.steps)


def _rounded_minima(quants: _Quants, minima: Floats) -> Blocks:
    """``d q + m`` with a float m: the zero point rounds it to a 16th (4 bits), an 8th (5) of d.

    With ``16 q + 7`` as codes nothing clips while m lies in [-15 d, 0], as it does in blocks that
    contain both signs; likewise with 5 bits. The other blocks are rounded anew.
    """
    factor = 1 << (8 - quants.bits)
    offset = factor // 2 - 1
    codes = quants.values * np.uint8(factor) + np.uint8(offset)
    with np.errstate(all="ignore"):  # a step of zero gives no number, and so does not fit
        zero_points = np.rint(offset - factor * minima / quants.steps)
    fits = (zero_points >= 0) & (zero_points <= 255)
    scales = quants.steps / np.float32(factor)
    if not fits.all():
        outside = _Quants(
            quants.values[~fits][:, None],
            quants.bits,
            quants.steps[~fits][:, None],
            minima[~fits][:, None],
        )
        anew = quantization.quantize(outside.to_float(), codes.shape[-1])
        codes[~fits], scales[~fits] = anew.codes[:, 0], anew.scales[:, 0]
        zero_points[~fits] = ZERO
    return Blocks(codes, scales, zero_points.astype(np.uint8))


def _stored(file: GgufFile, info: TensorInfo) -> Codes:
    """The bytes of a tensor, ``[rows, blocks, bytes of a block]``, not copied."""
    kind = GGML_TYPES.get(info.type_code)
    if kind is None:
        known = [each.name for each in GGML_TYPES.values()]
        raise UnsupportedTensorTypeError(info.name, type_name(info.type_code), known)
    count = info.elements // kind.block * kind.size
    raw = np.frombuffer(file.buffer, np.uint8, count, info.offset)
    return raw.reshape(-1, info.shape[-1] // kind.block, kind.size)


def _halves(stored: Codes, start: int) -> Floats:
    """The float16 at byte ``start`` of every block, ``[rows, blocks]``."""
    return stored[..., start : start + 2].copy().view("<f2")[..., 0].astype(np.float32)


def _nibbles(packed: Codes) -> Codes:
    """The low halves of all bytes of the last axis, then the high ones."""
    return np.concatenate([packed & np.uint8(15), packed >> np.uint8(4)], axis=-1)


def _fifth_bits(packed: Codes) -> Codes:
    """The 32 bits of four bytes as 0 or 16."""
    return np.unpackbits(packed, axis=-1, bitorder="little") << np.uint8(4)


def _q8_0(stored: Codes) -> _Quants:
    return _Quants(stored[..., 2:] ^ np.uint8(ZERO), 8, _halves(stored, 0))


def _q4_0(stored: Codes) -> _Quants:
    return _Quants(_nibbles(stored[..., 2:]), 4, _halves(stored, 0))


def _q4_1(stored: Codes) -> _Quants:
    return _Quants(_nibbles(stored[..., 4:]), 4, _halves(stored, 0), _halves(stored, 2))


def _q5_0(stored: Codes) -> _Quants:
    values = _nibbles(stored[..., 6:]) | _fifth_bits(stored[..., 2:6])
    return _Quants(values, 5, _halves(stored, 0))


def _q5_1(stored: Codes) -> _Quants:
    values = _nibbles(stored[..., 8:]) | _fifth_bits(stored[..., 4:8])
    return _Quants(values, 5, _halves(stored, 0), _halves(stored, 2))


def _q4_k(stored: Codes) -> _Quants:
    return _with_packed_scales(stored, _sub_blocks(stored[..., 16:]), 4)


def _q5_k(stored: Codes) -> _Quants:
    # Bit i of byte j is the fifth bit of number j of sub-block i.
    places = np.arange(8, dtype=np.uint8)[:, None]
    high = (stored[..., None, 16:48] >> places) & np.uint8(1)
    return _with_packed_scales(stored, _sub_blocks(stored[..., 48:]) | high << np.uint8(4), 5)


def _sub_blocks(packed: Codes) -> Codes:
    """128 bytes as ``[..., 8, 32]``: each 32 hold two sub-blocks, in their low and high halves."""
    pairs = packed.reshape(*packed.shape[:2], 4, 32)
    return _nibbles(pairs).reshape(*packed.shape[:2], 8, 32)


def _with_packed_scales(stored: Codes, values: Codes, bits: int) -> _Quants:
    """Sub-blocks of 32 with steps ``d * scale`` and minima ``-dmin * minimum``.

    Twelve bytes hold eight 6-bit scales and minima: of the first four, the low six bits of bytes
    0-3 and 4-7; of the others, a nibble of bytes 8-11 and the two bits left over before.
    """
    packed = stored[..., 4:16]
    first, second, third = packed[..., :4], packed[..., 4:8], packed[..., 8:]
    six, high, low = np.uint8(63), np.uint8(0x30), np.uint8(15)
    scales = np.concatenate([first & six, (third & low) | (first >> 2 & high)], axis=-1)
    minima = np.concatenate([second & six, (third >> 4) | (second >> 2 & high)], axis=-1)
    steps = scales * _halves(stored, 0)[..., None]
    lows = minima * -_halves(stored, 2)[..., None]
    rows = len(stored)
    return _Quants(
        values.reshape(rows, -1, 32), bits, steps.reshape(rows, -1), lows.reshape(rows, -1)
    )


def _q6_k(stored: Codes) -> _Quants:
    """Sub-blocks of 16 with signed 8-bit scales; each half of a block is packed for itself."""
    rows = len(stored)
    halves = (*stored.shape[:2], 2)
    low = _nibbles(stored[..., :128].reshape(*halves, 64))
    places = np.arange(0, 8, 2, dtype=np.uint8)[:, None]
    high = (stored[..., 128:192].reshape(*halves, 1, 32) >> places) & np.uint8(3)
    values = low | high.reshape(low.shape) << np.uint8(4)
    steps = stored[..., 192:208].view(np.int8) * _halves(stored, 208)[..., None]
    return _Quants(values.reshape(rows, -1, 16), 6, steps.reshape(rows, -1))


# The layouts: https://github.com/ggml-org/ggml, src/ggml-common.h and src/ggml-quants.c.
_UNPACK: Final[Mapping[str, Callable[[Codes], _Quants]]] = {
    "Q4_0": _q4_0,
    "Q4_1": _q4_1,
    "Q5_0": _q5_0,
    "Q5_1": _q5_1,
    "Q8_0": _q8_0,
    "Q4_K": _q4_k,
    "Q5_K": _q5_k,
    "Q6_K": _q6_k,
}
