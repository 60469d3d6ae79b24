"""Files by their paths and digests: what a build makes, what a folder holds, and how they differ.

A mapping of path to SHA-256 is all that a comparison needs, so that an image can be compared as well.
"""

from collections.abc import Mapping
from hashlib import file_digest, sha256
from pathlib import Path

Digests = Mapping[str, str]
"""Paths with `/` between their parts, and the SHA-256 of each file in hexadecimal digits."""

NOT_COMPARED = "__pycache__"
"""Folders that Python fills as it runs."""


def of_bytes(files: Mapping[str, bytes]) -> Digests:
    """The digests of files in memory."""
    return {path: sha256(data).hexdigest() for path, data in files.items()}


def of_files(files: Mapping[str, Path]) -> Digests:
    """The digests of files on the disk."""
    return {path: of_file(file) for path, file in files.items()}


def of_file(file: Path) -> str:
    """The digest of a file on the disk."""
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


def of_folder(folder: Path) -> Digests:
    """The digests of all files below a folder, by their paths in it."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() or path.is_symlink())
    inside = (path for path in found if NOT_COMPARED not in path.parts)
    return {path.relative_to(folder).as_posix(): _of_entry(path) for path in inside}


def _of_entry(path: Path) -> str:
    """A build writes no links: one is never what a build makes, wherever it leads."""
    return "a symbolic link" if path.is_symlink() else of_file(path)


def of_all(digests: Digests) -> str:
    """One digest of all: that of the lines `DIGEST  PATH`, sorted by path.

    It is the `dirHash` of in-toto, which `find . -type f | cut -c3- | LC_ALL=C sort | xargs sha256sum |
    sha256sum` prints (https://github.com/in-toto/attestation/blob/main/spec/v1/digest_set.md).
    """
    lines = (f"{digests[path]}  {path}\n" for path in sorted(digests, key=str.encode))
    return sha256("".join(lines).encode()).hexdigest()


def differences(wanted: Digests, found: Digests) -> list[str]:
    """How what is found differs from what is wanted, a line each, sorted by path."""
    return [
        f"{_word(path, wanted, found)}: {path}"
        for path in sorted({*wanted, *found})
        if wanted.get(path) != found.get(path)
    ]


def _word(path: str, wanted: Digests, found: Digests) -> str:
    if path not in found:
        return "missing"
    return "differs" if path in wanted else "stray"
