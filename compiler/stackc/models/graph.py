"""A small builder of ONNX graphs whose weights go straight to a file beside the graph."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from stackc.models.quantization import ZERO, Blocks, Floats

GRAPH_FILE: Final = "model.onnx"
DATA_FILE: Final = "model.onnx.data"
MICROSOFT: Final = "com.microsoft"

OPSET: Final = 21
IR_VERSION: Final = 10
_INLINE_BYTES: Final = 1024
_ALIGNMENT: Final = 4096  # a page, so that the runtime can map every weight where it lies


Weight = Floats | Blocks


@dataclass(frozen=True)
class Matrix:
    """A stored matrix ``[rows, columns]``: the names of its constants."""

    names: tuple[str, ...]
    rows: int
    columns: int
    block: int | None
    """Columns that share a scale, or None for float32."""


class Graph:
    """Collects nodes, inputs, outputs and weights; ``save`` writes the model.

    Values are names (str), as in ONNX. Weights above a kilobyte are written to ``data`` as they
    come, so that no more than one of them is in memory.
    """

    def __init__(self, *, data: BinaryIO) -> None:
        self._data = data
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

    def matrix(self, name: str, weight: Weight) -> "Matrix":
        """Stores a matrix ``[out features, in features]``, in 8-bit blocks or float32."""
        if not isinstance(weight, Blocks):
            rows, columns = weight.shape
            return Matrix((self.constant(name, weight),), rows, columns, block=None)
        names = [
            self.constant(f"{name}.codes", weight.codes),
            self.constant(f"{name}.scales", weight.scales),
        ]
        if weight.zero_points is not None:
            names.append(self.constant(f"{name}.zero_points", weight.zero_points))
        rows, per_row, block = weight.codes.shape
        return Matrix(tuple(names), rows, per_row * block, block)

    def linear(self, value: str, matrix: "Matrix", output: str) -> str:
        """``value @ matrix.T``."""
        inputs = [value, *matrix.names]
        if matrix.block is None:
            self.fused("FusedMatMul", inputs, [output], transB=1)
            return output
        # Level 4 (8-bit activations, scaled per block) is the only fast one on a CPU with float32.
        sizes = {"N": matrix.rows, "K": matrix.columns, "bits": 8, "block_size": matrix.block}
        self.fused("MatMulNBits", inputs, [output], **sizes, accuracy_level=4)
        return output

    def lookup(self, matrix: "Matrix", indices: str, output: str) -> str:
        """The rows of a matrix that ``indices`` name: ``[*indices.shape, columns]``."""
        if matrix.block is None:
            return self.node("Gather", [*matrix.names, indices], output)
        codes, scales, *zero_points = matrix.names
        codes = self._gather_floats(codes, indices, f"{output}.codes")
        zero = f"{output}.zero"
        if zero_points:
            packed = self._gather_floats(zero_points[0], indices, f"{output}.zero_points")
            self._last_axis(packed, zero)
        else:
            self.constant(zero, np.array(ZERO, np.float32))
        centred = self.node("Sub", [codes, zero], f"{output}.centred")
        factors = self.node("Gather", [scales, indices], f"{output}.factors")
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

    def _gather_floats(self, table: str, indices: str, output: str) -> str:
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


def _value_info(name: str, dtype: str, shape: Sequence[int | str]) -> onnx.ValueInfoProto:
    element = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return helper.make_tensor_value_info(name, element, list(shape))
