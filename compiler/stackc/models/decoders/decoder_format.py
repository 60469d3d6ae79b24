"""In which number formats a decoder is stored and computed."""

from dataclasses import dataclass
from typing import Final, Literal

from stackc.models.facts import Device
from stackc.models.graphs.rounding import Rounding

Float = Literal["float16", "float32"]

_EIGHT_BITS: Final = Rounding(8, 32)  # the width of most ggml types
_FOUR_BITS: Final = Rounding(4, 32)
# The scores of attention feel rounding most: narrow blocks lose a sixth less, at the same speed.
_NARROW: Final = Rounding(8, 16)


@dataclass(frozen=True)
class DecoderFormat:
    """How the embeddings and the head, the queries, keys and values, and the rest are rounded.

    Matrices that are not rounded are ``stored`` as they say. What matrices are multiplied with, the
    cache of keys and values, and every weight's scale is ``computed``; the sums that go from layer
    to layer, their norms, and the logits are always float32. On CUDA that is more than a matter of
    precision: sums above 6,000 make onnxruntime's float16 norm of them zero, without an error
    (github.com/microsoft/onnxruntime/issues/29034), and SmolLM2's reach 25,000.
    """

    table: Rounding | None
    qkv: Rounding | None
    others: Rounding | None
    stored: Float
    computed: Float


def decoder_format(quantization: str, device: Device) -> DecoderFormat:
    """The format of one of ``facts.QUANTIZATIONS``.

    A CPU computes in float32. There ``fp16`` is a format of the file, half as large as ``fp32`` and
    as fast: onnxruntime widens the matrices when it opens it, and takes the same memory for them.
    """
    roundings: dict[str, tuple[Rounding, Rounding, Rounding]] = {
        "int8": (_EIGHT_BITS, _NARROW, _EIGHT_BITS),
        # Four bits are too few for the embeddings, which are the head too in small models.
        "int4": (_EIGHT_BITS, _FOUR_BITS, _FOUR_BITS),
    }
    table, qkv, others = roundings.get(quantization, (None, None, None))
    computed: Float = "float16" if device == "cuda" else "float32"
    stored: Float = "float16" if quantization == "fp16" else computed
    return DecoderFormat(table, qkv, others, stored, computed)
