"""A direct reader of GGUF containers: metadata and tensor positions, nothing copied, no numpy."""

import math
import mmap
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from stackc.models.errors import CorruptFileError, UnsupportedError
from stackc.models.formats.mapping import map_file, unmap

MAGIC: Final = b"GGUF"
VERSIONS: Final = (2, 3)
MAX_DIMENSIONS: Final = 4

_STRING, _ARRAY = 8, 9
_SCALARS: Final[Mapping[int, struct.Struct]] = {
    0: struct.Struct("<B"),
    1: struct.Struct("<b"),
    2: struct.Struct("<H"),
    3: struct.Struct("<h"),
    4: struct.Struct("<I"),
    5: struct.Struct("<i"),
    6: struct.Struct("<f"),
    7: struct.Struct("<?"),
    10: struct.Struct("<Q"),
    11: struct.Struct("<q"),
    12: struct.Struct("<d"),
}
_U32: Final = _SCALARS[4]
_U64: Final = _SCALARS[10]


@dataclass(frozen=True)
class GgmlType:
    """A ggml number format: ``block`` elements are stored in ``size`` bytes."""

    name: str
    block: int
    size: int


# https://github.com/ggml-org/ggml, enum ggml_type and type_traits; the formats that have a decoder.
GGML_TYPES: Final[Mapping[int, GgmlType]] = {
    0: GgmlType("F32", 1, 4),
    1: GgmlType("F16", 1, 2),
    2: GgmlType("Q4_0", 32, 18),
    3: GgmlType("Q4_1", 32, 20),
    6: GgmlType("Q5_0", 32, 22),
    7: GgmlType("Q5_1", 32, 24),
    8: GgmlType("Q8_0", 32, 34),
    12: GgmlType("Q4_K", 256, 144),
    13: GgmlType("Q5_K", 256, 176),
    14: GgmlType("Q6_K", 256, 210),
    30: GgmlType("BF16", 1, 2),
}
_OTHER_TYPE_NAMES: Final[Mapping[int, str]] = {
    9: "Q8_1",
    10: "Q2_K",
    11: "Q3_K",
    15: "Q8_K",
    16: "IQ2_XXS",
    17: "IQ2_XS",
    18: "IQ3_XXS",
    19: "IQ1_S",
    20: "IQ4_NL",
    21: "IQ3_S",
    22: "IQ2_S",
    23: "IQ4_XS",
    24: "I8",
    25: "I16",
    26: "I32",
    27: "I64",
    28: "F64",
    29: "IQ1_M",
    34: "TQ1_0",
    35: "TQ2_0",
    39: "MXFP4",
}


def type_name(code: int) -> str:
    """The name that ggml gives to a type code."""
    known = GGML_TYPES.get(code)
    return known.name if known else _OTHER_TYPE_NAMES.get(code, f"number {code}")


@dataclass(frozen=True)
class TensorInfo:
    """Where a tensor lies. ``shape`` is in numpy's order (rows first), ``offset`` is absolute."""

    name: str
    shape: tuple[int, ...]
    type_code: int
    offset: int

    @property
    def elements(self) -> int:
        """How many numbers the tensor holds."""
        return math.prod(self.shape)


class GgufFile:
    """A GGUF file, open for reading; a context manager.

    Scalars and strings of the metadata are decoded at once; arrays, which hold the whole
    vocabulary, only when ``array`` asks for them.

    Raises:
        CorruptFileError: the file is truncated or breaks the format; the message says where.

    The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
    """

    def __init__(self, path: Path, *, name: str) -> None:
        self.name = name
        self._buffer = map_file(path, name)
        try:
            reader = _Reader(self._buffer, name)
            tensor_count, entry_count = reader.header()
            self.metadata: dict[str, Any] = {}
            self._arrays: dict[str, int] = {}
            self._read_metadata(reader, entry_count)
            self.tensors = self._read_tensors(reader, tensor_count)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "GgufFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Unmaps the file."""
        unmap(self._buffer)

    @property
    def buffer(self) -> mmap.mmap:
        """The bytes of the whole file."""
        return self._buffer

    def array(self, key: str) -> list[Any] | None:
        """The metadata array ``key``, or None if the file has none."""
        position = self._arrays.get(key)
        return None if position is None else _Reader(self._buffer, self.name, position).array()

    def string_at(self, key: str, index: int) -> str | None:
        """One entry of an array of strings, None if there is none; the others are not decoded."""
        position = self._arrays.get(key)
        if position is None or index < 0:
            return None
        return _Reader(self._buffer, self.name, position).string_at(index)

    def _read_metadata(self, reader: "_Reader", count: int) -> None:
        for _ in range(count):
            key = reader.string()
            if key in self.metadata or key in self._arrays:
                raise CorruptFileError(self.name, f"metadata key `{key}` occurs twice")
            kind = reader.number(_U32)
            if kind == _ARRAY:
                self._arrays[key] = reader.position
                reader.skip_array()
            else:
                self.metadata[key] = reader.value(kind)

    def _read_tensors(self, reader: "_Reader", count: int) -> dict[str, TensorInfo]:
        relative = {info.name: info for info in reader.tensor_infos(count)}
        if len(relative) != count:
            raise CorruptFileError(self.name, "two tensors have the same name")
        alignment = self.metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or not 0 < alignment <= 1 << 20:
            raise CorruptFileError(self.name, f"the alignment is {alignment}")
        start = -(-reader.position // alignment) * alignment
        return {name: self._placed(info, start) for name, info in relative.items()}

    def _placed(self, info: TensorInfo, start: int) -> TensorInfo:
        placed = TensorInfo(info.name, info.shape, info.type_code, start + info.offset)
        size = stored_size(placed, self.name)
        if size is not None and placed.offset + size > len(self._buffer):
            raise CorruptFileError(
                self.name, f"tensor `{info.name}` reaches past the end of the file"
            )
        return placed


def stored_size(info: TensorInfo, file: str) -> int | None:
    """The bytes that a tensor takes, or None if its type has no decoder."""
    kind = GGML_TYPES.get(info.type_code)
    if kind is None:
        return None
    if info.shape[-1] % kind.block:
        raise CorruptFileError(
            file, f"rows of tensor `{info.name}` are no multiple of {kind.block}"
        )
    return info.elements // kind.block * kind.size


class _Reader:
    """A cursor over the bytes of the container that never leaves them."""

    def __init__(self, buffer: mmap.mmap, file: str, position: int = 0) -> None:
        self._buffer = buffer
        self._end = len(buffer)
        self._file = file
        self.position = position

    def header(self) -> tuple[int, int]:
        """The numbers of tensors and of metadata entries."""
        if self._buffer[:4] != MAGIC:
            raise CorruptFileError(self._file, "it is not a GGUF file")
        self.position = 4
        version = self.number(_U32)
        if version not in VERSIONS:
            raise UnsupportedError(f"`{self._file}` is GGUF version {version}; supported: 2, 3")
        return self.number(_U64), self.number(_U64)

    def number(self, form: struct.Struct) -> Any:
        self._need(form.size)
        (value,) = form.unpack_from(self._buffer, self.position)
        self.position += form.size
        return value

    def string(self) -> str:
        size = self.number(_U64)
        self._need(size)
        raw = self._buffer[self.position : self.position + size]
        self.position += size
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise CorruptFileError(self._file, "a string of the metadata is not UTF-8") from None

    def value(self, kind: int) -> Any:
        if kind == _STRING:
            return self.string()
        return self.number(self._scalar(kind))

    def array(self) -> list[Any]:
        kind, count = self._array_header()
        if kind == _STRING:
            return [self.string() for _ in range(count)]
        form = self._scalar(kind)
        self._need(count * form.size)
        found = struct.unpack_from(f"<{count}{form.format[-1]}", self._buffer, self.position)
        self.position += count * form.size
        return list(found)

    def string_at(self, index: int) -> str | None:
        kind, count = self._array_header()
        if kind != _STRING or index >= count:
            return None
        self._skip_strings(index)
        return self.string()

    def skip_array(self) -> None:
        kind, count = self._array_header()
        if kind == _STRING:
            self._skip_strings(count)
        else:
            size = count * self._scalar(kind).size
            self._need(size)
            self.position += size

    def tensor_infos(self, count: int) -> Iterator[TensorInfo]:
        for _ in range(count):
            name = self.string()
            dimensions = self.number(_U32)
            if not 0 < dimensions <= MAX_DIMENSIONS:
                raise CorruptFileError(self._file, f"tensor `{name}` has {dimensions} dimensions")
            shape = tuple(reversed([self.number(_U64) for _ in range(dimensions)]))
            if 0 in shape:
                raise CorruptFileError(self._file, f"tensor `{name}` is empty")
            yield TensorInfo(name, shape, self.number(_U32), self.number(_U64))

    def _array_header(self) -> tuple[int, int]:
        return self.number(_U32), self.number(_U64)

    def _skip_strings(self, count: int) -> None:
        # A vocabulary has some 100,000 strings; this loop is the cost of reading a template.
        unpack, buffer, position, last = (
            _U64.unpack_from,
            self._buffer,
            self.position,
            self._end - 8,
        )
        for _ in range(count):
            if position > last:
                raise CorruptFileError(self._file, "it ends inside the metadata")
            position += 8 + unpack(buffer, position)[0]
        self.position = position
        self._need(0)

    def _scalar(self, kind: int) -> struct.Struct:
        form = _SCALARS.get(kind)
        if form is None:
            raise CorruptFileError(self._file, f"a metadata value has the unknown type {kind}")
        return form

    def _need(self, size: int) -> None:
        if self.position + size > self._end:
            raise CorruptFileError(self._file, "it ends inside the metadata")
