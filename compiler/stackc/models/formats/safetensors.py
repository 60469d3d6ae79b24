"""A direct reader of safetensors files."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from stackc.models.errors import CorruptFileError
from stackc.models.formats.mapping import map_file, unmap

MAX_HEADER: Final = 100 << 20  # the limit of the reference implementation

_SIZES: Final[Mapping[str, int]] = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "U16": 2,
    "I16": 2,
    "F16": 2,
    "BF16": 2,
    "U32": 4,
    "I32": 4,
    "F32": 4,
    "U64": 8,
    "I64": 8,
    "F64": 8,
}


@dataclass(frozen=True)
class StoredTensor:
    """Where a tensor lies: its type in safetensors' words, shape, absolute offset and bytes."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    size: int

    @property
    def elements(self) -> int:
        """How many numbers the tensor holds."""
        return math.prod(self.shape)


class SafetensorsFile:
    """A safetensors file, open for reading; a context manager.

    Raises:
        CorruptFileError: the file is truncated or breaks the format; the message says where.

    The format: https://github.com/huggingface/safetensors#format
    """

    def __init__(self, path: Path, *, name: str) -> None:
        self.name = name
        self.buffer = map_file(path, name)
        try:
            self.tensors = self._read_header()
        except BaseException:
            self.buffer.close()
            raise

    def __enter__(self) -> "SafetensorsFile":
        return self

    def __exit__(self, *_: object) -> None:
        unmap(self.buffer)

    def _read_header(self) -> dict[str, StoredTensor]:
        size = int.from_bytes(self.buffer[:8], "little")
        if len(self.buffer) < 8 or size > min(MAX_HEADER, len(self.buffer) - 8):
            raise CorruptFileError(self.name, "it ends inside the header")
        try:
            header = json.loads(self.buffer[8 : 8 + size])
        except (ValueError, RecursionError):
            raise CorruptFileError(self.name, "the header is not JSON") from None
        if not isinstance(header, dict):
            raise CorruptFileError(self.name, "the header is not a JSON object")
        header.pop("__metadata__", None)
        return {name: self._tensor(name, entry, 8 + size) for name, entry in header.items()}

    def _tensor(self, name: str, entry: Any, start: int) -> StoredTensor:
        try:
            dtype, shape = entry["dtype"], tuple(entry["shape"])
            begin, end = entry["data_offsets"]
        except (KeyError, TypeError, ValueError):
            raise CorruptFileError(self.name, f"the entry of tensor `{name}` is damaged") from None
        if not all(type(number) is int and number >= 0 for number in (*shape, begin, end)):
            raise CorruptFileError(self.name, f"the entry of tensor `{name}` is damaged")
        if start + end > len(self.buffer):
            raise CorruptFileError(self.name, f"tensor `{name}` reaches past the end of the file")
        element = _SIZES.get(dtype, 0) if isinstance(dtype, str) else 0
        if element * math.prod(shape) != end - begin:
            raise CorruptFileError(self.name, f"the shape of tensor `{name}` is not its size")
        return StoredTensor(name, dtype, shape, start + begin, end - begin)
