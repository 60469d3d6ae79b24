"""The content-addressed part of the cache: files named by their SHA-256, written whole or not."""

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO, Final

from stackc.models.errors import WriteError

_CHUNK: Final = 1 << 20
_DAY_SECONDS: Final = 24 * 60 * 60
_WEEK_SECONDS: Final = 7 * _DAY_SECONDS


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

    def add_resumed(self, name: str, fill: Callable[[BinaryIO], None]) -> tuple[str, int, Path]:
        """Stores what ``fill`` appends to a file that outlives an interruption; gives as ``add``.

        The file is empty at first, and where ``fill`` did not come to its end, the next call of the
        same ``name`` goes on with it, also in another process. Two processes wait for each other.

        Raises:
            WriteError: the cache cannot be written.
        """
        root = self._cache / "partial"
        with _write_errors(root):
            root.mkdir(parents=True, exist_ok=True)
            _remove_abandoned(root, _WEEK_SECONDS)
            with _alone(root / name) as file:
                try:
                    fill(file)
                except BaseException:
                    if not file.tell():
                        (root / name).unlink()
                    raise
                file.flush()
                sha256, size = self.sha256(root / name), file.tell()
                path = self._path(sha256)
                path.parent.mkdir(parents=True, exist_ok=True)
                (root / name).replace(path)
        return sha256, size, path

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
    with _write_errors(root):
        root.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(root, _DAY_SECONDS)
        folder = Path(tempfile.mkdtemp(dir=root))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _write_errors(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        detail = error.strerror or str(error)
        raise WriteError(str(error.filename or root), detail.lower()) from error


@contextmanager
def _alone(path: Path) -> Iterator[BinaryIO]:
    """The file, to append to, when no other process has it; that one may have moved it away."""
    while True:
        with path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(path, file):
                yield file
                return


def _is_at(path: Path, file: BinaryIO) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _remove_abandoned(root: Path, seconds: int) -> None:
    """Removes what processes that were killed have left untouched for so long."""
    oldest = time.time() - seconds
    for entry in os.scandir(root):
        with suppress(FileNotFoundError):  # another process may remove its own just now
            if entry.stat(follow_symlinks=False).st_mtime < oldest:
                _remove(Path(entry))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink()
