"""The content-addressed part of the cache: files named by their SHA-256, written whole or not."""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from stackc.models.errors import WriteError

_CHUNK: Final = 1 << 20
_ABANDONED_SECONDS: Final = 24 * 60 * 60


class Blobs:
    """The blobs of one cache folder."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache

    def find(self, sha256: str, size: int) -> Path | None:
        """The blob with this hash, if the cache has it whole."""
        path = self._path(sha256)
        return path if path.is_file() and path.stat().st_size == size else None

    def add(self, stream: IO[bytes]) -> tuple[str, int, Path]:
        """Stores what the stream holds; gives its hash, its size in bytes and the blob.

        Raises:
            WriteError: the cache cannot be written.
        """
        with scratch(self._cache) as folder:
            digest, size = hashlib.sha256(), 0
            with (folder / "blob").open("wb") as copy:
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
                    size += copy.write(chunk)
            path = self._path(digest.hexdigest())
            path.parent.mkdir(parents=True, exist_ok=True)
            (folder / "blob").replace(path)
        return path.name, size, path

    def sha256(self, path: Path) -> str:
        """The hash of a file; that of a blob is its name."""
        if path == self._path(path.name):
            return path.name
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def _path(self, sha256: str) -> Path:
        return self._cache / "blobs" / sha256


@contextmanager
def scratch(cache: Path) -> Iterator[Path]:
    """A folder inside the cache that is gone after the block; what is to stay is moved out of it.

    Raises:
        WriteError: something in the block could not be written, for example on a full disk.
    """
    root = cache / "tmp"
    try:
        root.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(root)
        folder = Path(tempfile.mkdtemp(dir=root))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        detail = error.strerror or str(error)
        raise WriteError(str(error.filename or root), detail.lower()) from error


def _remove_abandoned(root: Path) -> None:
    """Removes the folders of processes that were killed a day ago or earlier."""
    oldest = time.time() - _ABANDONED_SECONDS
    for entry in os.scandir(root):
        with suppress(FileNotFoundError):  # another process may remove its own just now
            if entry.stat(follow_symlinks=False).st_mtime < oldest:
                shutil.rmtree(entry.path, ignore_errors=True)
