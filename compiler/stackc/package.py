"""Packaging: `generated/<name>/` is replaced whole or not at all."""

import ctypes
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from stackc.emit import Files


class WriteError(OSError):
    """The folder could not be written; what was there before is still there."""


def package(folder: Path, files: Files, linked: Mapping[str, Path]) -> None:
    """Writes `files` and links to the big files of `linked` into a new folder, then swaps it in.

    The folder is made beside the old one. A kill at any moment leaves the old folder or the new one,
    and at most a hidden folder that the next build removes. Raises WriteError.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone_in(folder.parent):
            _remove_leftovers(folder)
            _check_replaceable(folder)
            new = Path(tempfile.mkdtemp(prefix=_prefix(folder), dir=folder.parent))
            try:
                _fill(new, files, linked)
                new.chmod(0o755)
                _swap(new, folder)
            finally:
                shutil.rmtree(new, ignore_errors=True)
    except OSError as error:
        raise WriteError(error.errno, error.strerror or str(error), str(folder)) from error


def _check_replaceable(folder: Path) -> None:
    """Raises OSError where the folder is something else than a build, which would be lost."""
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "it is not a folder")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "plan.json").is_file():
        reason = "it holds something that no build has made (there is no `plan.json`)"
        raise FileExistsError(errno.EEXIST, reason)


def differences(folder: Path, files: Files) -> list[str]:
    """What `package` would change among the files that are committed, a line each, sorted."""
    found = []
    for path, data in files.items():
        target = folder / path
        if not target.is_file():
            found.append(f"missing: {target}")
        elif target.read_bytes() != data:
            found.append(f"differs: {target}")
    known = {folder / path for path in files}
    return sorted(found + [f"stray: {path}" for path in _committed(folder) if path not in known])


CONTEXT = ("runtime", "models", "wheels")
"""Folders of the container context that are made by the build and not committed."""


def _committed(folder: Path) -> list[Path]:
    return [
        path
        for path in folder.rglob("*")
        if path.is_file()
        and path.relative_to(folder).parts[0] not in CONTEXT
        and "__pycache__" not in path.parts
    ]


def _fill(folder: Path, files: Files, linked: Mapping[str, Path]) -> None:
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    for path, source in linked.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        link(source, target)


def link(source: Path, target: Path) -> None:
    """A hard link, or a copy where the file systems differ or have no links."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
            raise
        shutil.copyfile(source, target)


def _prefix(folder: Path) -> str:
    return f".{folder.name}.new-"


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Waits for other builds into the same folder; a killed one lets go by itself."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _remove_leftovers(folder: Path) -> None:
    """What builds left that were killed."""
    for path in folder.parent.glob(f"{_prefix(folder)}*"):
        shutil.rmtree(path, ignore_errors=True)


def _swap(new: Path, folder: Path) -> None:
    """Puts `new` where `folder` is; afterwards `new` is the old one, or gone."""
    if not folder.exists():
        new.rename(folder)
    elif not _exchange(new, folder):
        old = new.with_name(new.name + "-old")
        folder.rename(old)
        new.rename(folder)
        shutil.rmtree(old, ignore_errors=True)


_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def _exchange(one: Path, other: Path) -> bool:
    """Exchanges two folders in one step (Linux renameat2(2)); False where there is no such call."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        return False
    paths = os.fsencode(one), os.fsencode(other)
    return bool(call(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE) == 0)
