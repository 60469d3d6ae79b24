"""The safetensors files of a folder, read as one."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final

from stackc.models.errors import CorruptFileError
from stackc.models.formats.entries import Entries, required
from stackc.models.formats.safetensors import SafetensorsFile, StoredTensor

WEIGHTS: Final = "model.safetensors"
INDEX: Final = "model.safetensors.index.json"


class Shards:
    """All tensors of ``model.safetensors``, or of the files that its index names.

    A context manager. ``tensors`` gives for each name its file and its place there.

    Raises:
        MissingFileError, CorruptFileError: a file is not there, or not what it should be.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        self.tensors: dict[str, tuple[SafetensorsFile, StoredTensor]] = {}
        self.name = INDEX if WEIGHTS not in files and INDEX in files else WEIGHTS
        with ExitStack() as opened:
            if self.name == WEIGHTS:
                self._add(opened, files, WEIGHTS)
            else:
                self._add_all(opened, files)
            self._opened = opened.pop_all()

    def __enter__(self) -> "Shards":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._opened.close()

    def _add_all(self, opened: ExitStack, files: Mapping[str, Path]) -> None:
        places = Entries.read(files, INDEX).object("weight_map").values
        for shard in dict.fromkeys(map(_shard_name, places.values())):
            self._add(opened, files, shard)
        for tensor, shard in places.items():
            if tensor not in self.tensors or self.tensors[tensor][0].name != shard:
                raise CorruptFileError(INDEX, f"`{shard}` has no tensor `{tensor}`"[:200])

    def _add(self, opened: ExitStack, files: Mapping[str, Path], shard: str) -> None:
        file = opened.enter_context(SafetensorsFile(required(files, shard), name=shard))
        for name, tensor in file.tensors.items():
            if name in self.tensors:
                raise CorruptFileError(shard, f"tensor `{name}` is in another file too"[:200])
            self.tensors[name] = file, tensor


def _shard_name(value: object) -> str:
    if not isinstance(value, str) or "/" in value or not value.endswith(".safetensors"):
        raise CorruptFileError(INDEX, f"it names the file {value!r}"[:200])
    return value
