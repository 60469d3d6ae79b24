"""A small builder of ONNX graphs whose weights go straight to a file beside the graph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from stackc.models.errors import UnsupportedError
from stackc.models.graphs.nibbles import Nibbles
from stackc.models.graphs.quantization import ZERO, Blocks, Floats
from stackc.models.graphs.rounding import Weight

GRAPH_FILE: Final = "model.onnx"
DATA_FILE: Final = "model.onnx.data"
MICROSOFT: Final = "com.microsoft"

OPSET: Final = 21
IR_VERSION: Final = 10
_INLINE_BYTES: Final = 1024
_ALIGNMENT: Final = 4096  # a page, so that the runtime can map every weight where it lies


@dataclass(frozen=True)
class Matrix:
    """A stored matrix ``[rows, columns]``: the names of its constants.

    ``block`` is how many columns share a scale, None for floats; ``offsets`` names what 4-bit
    blocks add to their numbers.
    """

    names: tuple[str, ...]
    rows: int
    columns: int
    block: int | None
    bits: int = 8
    offsets: str | None = None


class Graph:
    """Collects nodes, inputs, outputs and weights; ``save`` writes the model.

    Values are names (str), as in ONNX. Weights above a kilobyte are written to ``data`` as they
    come, so that no more than one of them is in memory. Matrices of floats are ``stored``, and all
    matrices are multiplied, in the type of that name in numpy: float32 or float16.
    """

    def __init__(
        self, *, data: BinaryIO, stored: str = "float32", computed: str = "float32"
    ) -> None:
        self._data = data
        self._stored = stored
        self._computed = computed
        self._made: set[str] = set()  # values that several nodes may ask for
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, dtype: str, shape: Sequence[int | str]) -> str:
        """Declares an input; ``dtype`` is numpy's name, words in ``shape`` are free dimensions."""
        self._inputs.append(_value_info(name, dtype, shape))
        return name

    def output(self, name: str, dtype: str, shape: Sequence[int | str]) -> None:
        """Declares that the value ``name`` is an output."""
        self._outputs.append(_value_info(name, dtype, shape))

    def node(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Adds a node of ONNX's own operator set that has one output."""
        self._nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def fused(
        self, kind: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any
    ) -> None:
        """Adds a node of onnxruntime's contributed operator set."""
        self._nodes.append(
            helper.make_node(kind, inputs, outputs, name=outputs[0], domain=MICROSOFT, **attributes)
        )

    def cast(self, value: str, output: str, dtype: str) -> str:
        """The same numbers as another type, named as in numpy."""
        element = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.node("Cast", [value], output, to=element)

    def split(self, value: str, outputs: Sequence[str]) -> None:
        """Cuts the last axis into equal parts."""
        node = helper.make_node("Split", [value], outputs, axis=-1, num_outputs=len(outputs))
        self._nodes.append(node)

    def cut(self, value: str, parts: Mapping[str, int]) -> None:
        """Cuts the last axis into parts of the given sizes."""
        sizes = self.constant(f"{value}.sizes", np.array(list(parts.values()), np.int64))
        self._nodes.append(helper.make_node("Split", [value, sizes], list(parts), axis=-1))

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """Adds a weight or another constant under ``name``."""
        values = np.asarray(values, order="C")
        tensor = onnx.TensorProto(
            name=name,
            data_type=helper.np_dtype_to_tensor_dtype(values.dtype),
            dims=values.shape,
        )
        if values.nbytes <= _INLINE_BYTES:
            tensor.raw_data = values.tobytes()
        else:
            self._store(tensor, values)
        self._constants.append(tensor)
        return name

    def narrowed(self, value: str) -> str:
        """A float32 value in the type that matrices are multiplied in."""
        return self._converted(value, self._computed) if self._computed != "float32" else value

    def widened(self, value: str, output: str) -> str:
        """A product of matrices in float32."""
        return self.cast(value, output, "float32") if self._computed != "float32" else value

    def numbers(self, name: str, values: Floats) -> str:
        """Adds a constant in the type that matrices are multiplied in.

        Raises:
            UnsupportedError: one of the numbers is too large for it.
        """
        return self.constant(name, _as(values, self._computed, name))

    def matrix(self, name: str, weight: Weight) -> "Matrix":
        """Stores a matrix ``[out features, in features]``.

        Raises:
            UnsupportedError: one of its numbers is too large for the type it is stored in.
        """
        match weight:
            case Blocks():
                return self._blocks(name, weight)
            case Nibbles():
                return self._nibbles(name, weight)
        rows, columns = weight.shape
        stored = self.constant(name, _as(weight, self._stored, name))
        return Matrix((stored,), rows, columns, block=None)

    def linear(self, value: str, matrix: "Matrix", output: str) -> str:
        """``value @ matrix.T``; of 4-bit blocks with offsets ``value`` has three dimensions."""
        if matrix.block is None:
            weight = matrix.names[0]
            if self._stored != self._computed:
                weight = self._converted(weight, self._computed)
            self.fused("FusedMatMul", [value, weight], [output], transB=1)
            return output
        sizes = {"N": matrix.rows, "K": matrix.columns}
        sizes |= {"bits": matrix.bits, "block_size": matrix.block}
        if self._computed == "float32":
            # 8-bit activations, scaled per block: on a CPU all else is many times slower.
            sizes["accuracy_level"] = 4
        if matrix.offsets is None:
            self.fused("MatMulNBits", [value, *matrix.names], [output], **sizes)
            return output
        product, rest = f"{output}.product", f"{output}.rest"
        self.fused("MatMulNBits", [value, *matrix.names], [product], **sizes)
        sums = self._block_sums(value, matrix.columns, matrix.block)
        self.fused("FusedMatMul", [sums, matrix.offsets], [rest], transB=1)
        return self.node("Add", [product, rest], output)

    def lookup(self, matrix: "Matrix", indices: str, output: str) -> str:
        """The rows that ``indices`` name, float32 ``[*indices.shape, columns]``; not of 4 bits."""
        if matrix.block is None:
            return self._gather_floats(matrix.names[0], indices, output, self._stored)
        codes, scales, *zero_points = matrix.names
        codes = self._gather_floats(codes, indices, f"{output}.codes", "uint8")
        zero = f"{output}.zero"
        if zero_points:
            packed = f"{output}.zero_points"
            self._last_axis(self._gather_floats(zero_points[0], indices, packed, "uint8"), zero)
        else:
            self.constant(zero, np.array(ZERO, np.float32))
        centred = self.node("Sub", [codes, zero], f"{output}.centred")
        factors = self._gather_floats(scales, indices, f"{output}.factors", self._computed)
        self._last_axis(factors, f"{output}.factor")
        blocks = self.node("Mul", [centred, f"{output}.factor"], f"{output}.blocks")
        shape = self.constant(f"{output}.shape", np.array([0, 0, matrix.columns], np.int64))
        return self.node("Reshape", [blocks, shape], output)

    def save(self, path: Path, name: str) -> None:
        """Writes the graph; the same calls before it give the same bytes."""
        graph = helper.make_graph(
            self._nodes, name, self._inputs, self._outputs, initializer=self._constants
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
        model.producer_name = "stackc"
        path.write_bytes(model.SerializeToString(deterministic=True))

    def _blocks(self, name: str, weight: Blocks) -> "Matrix":
        names = [
            self.constant(f"{name}.codes", weight.codes),
            self.numbers(f"{name}.scales", weight.scales),
        ]
        if weight.zero_points is not None:
            names.append(self.constant(f"{name}.zero_points", weight.zero_points))
        rows, per_row, block = weight.codes.shape
        return Matrix(tuple(names), rows, per_row * block, block)

    def _nibbles(self, name: str, weight: Nibbles) -> "Matrix":
        codes = self.constant(f"{name}.codes", weight.packed())
        scales = self.numbers(f"{name}.scales", weight.scales)
        offsets = None
        if weight.offsets is not None:
            offsets = self.numbers(f"{name}.offsets", weight.offsets)
        rows, per_row, block = weight.values.shape
        return Matrix((codes, scales), rows, per_row * block, block, 4, offsets)

    def _block_sums(self, value: str, columns: int, block: int) -> str:
        """The sums of the blocks of the last axis: ``[batch, sequence, columns / block]``."""
        sums = f"{value}.sums"
        if sums not in self._made:
            self._made.add(sums)
            shape = np.array([0, 0, columns // block, block], np.int64)
            shape_name = self.constant(f"{sums}.shape", shape)
            blocks = self.node("Reshape", [value, shape_name], f"{sums}.blocks")
            axis = self.constant(f"{sums}.axis", np.array([-1], np.int64))
            self.node("ReduceSum", [blocks, axis], sums, keepdims=0)
        return sums

    def _converted(self, value: str, dtype: str) -> str:
        """The value as another type, cast once however often it is asked for."""
        output = f"{value}.{dtype}"
        if output not in self._made:
            self._made.add(output)
            self.cast(value, output, dtype)
        return output

    def _gather_floats(self, table: str, indices: str, output: str, dtype: str) -> str:
        """Rows of a table of ``dtype`` as float32."""
        if dtype == "float32":
            return self.node("Gather", [table, indices], output)
        raw = self.node("Gather", [table, indices], f"{output}.raw")
        return self.cast(raw, output, "float32")

    def _last_axis(self, value: str, output: str) -> str:
        axis = self.constant(f"{output}.axis", np.array([-1], np.int64))
        return self.node("Unsqueeze", [value, axis], output)

    def _store(self, tensor: onnx.TensorProto, values: NDArray[Any]) -> None:
        offset = -(-self._data.tell() // _ALIGNMENT) * _ALIGNMENT
        self._data.seek(offset)
        self._data.write(values.data)
        tensor.data_location = TensorProto.EXTERNAL
        place = {"location": DATA_FILE, "offset": offset, "length": values.nbytes}
        for key, entry in place.items():
            tensor.external_data.add(key=key, value=str(entry))


def _as(values: Floats, dtype: str, name: str) -> NDArray[Any]:
    """The values in ``dtype``. Raises UnsupportedError if one of them is too large for it."""
    converted = values.astype(dtype, copy=False)
    if dtype == "float16" and not np.isfinite(converted).all():
        raise UnsupportedError(f"`{name}` has numbers that are too large for float16")
    return converted


def _value_info(name: str, dtype: str, shape: Sequence[int | str]) -> onnx.ValueInfoProto:
    element = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return helper.make_tensor_value_info(name, element, list(shape))
