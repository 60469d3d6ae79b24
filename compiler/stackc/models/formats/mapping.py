"""Read-only memory maps of model files."""

import mmap
from pathlib import Path

from stackc.models.errors import CorruptFileError


def map_file(path: Path, name: str) -> mmap.mmap:
    """The bytes of a file, mapped; ``name`` is what an error calls it."""
    try:
        with path.open("rb") as stream:
            return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except ValueError:  # what mmap raises for an empty file
        raise CorruptFileError(name, "the file is empty") from None


def unmap(buffer: mmap.mmap) -> None:
    """Closes a map; where an array still looks into it, the last array closes it."""
    try:
        buffer.close()
    except BufferError:
        return
