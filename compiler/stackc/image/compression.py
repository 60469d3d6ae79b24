"""Gzip whose bytes follow from the data alone.

zlib is whatever the Python at hand is linked with, and zlib-ng, which some are, writes other bytes.
libdeflate comes with the package `deflate`, and writes the same ones on every processor.
"""

from hashlib import sha256
from typing import BinaryIO

import deflate

LEVEL = 6
CHUNK = 4 << 20
"""Bytes of data in a member: a gzip file may have many, and memory for one is all it takes."""

VERSION = f"deflate {deflate.__version__}, level {LEVEL}, {CHUNK} bytes"
"""What the bytes depend on beside the data."""


class GzipWriter:
    """Takes the bytes of a file, writes them compressed, and knows the digests of both."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._waiting = bytearray()
        self._plain, self._packed = sha256(), sha256()
        self._position = 0
        self.size = 0

    def write(self, data: bytes) -> int:
        """Takes some more."""
        self._position += len(data)
        self._plain.update(data)
        self._waiting += data
        while len(self._waiting) >= CHUNK:
            self._flush(CHUNK)
        return len(data)

    def tell(self) -> int:
        """How many bytes came so far."""
        return self._position

    def finish(self) -> None:
        """Writes what is left."""
        if self._waiting or not self.size:
            self._flush(CHUNK)

    @property
    def plain(self) -> str:
        """The digest of what came in."""
        return f"sha256:{self._plain.hexdigest()}"

    @property
    def packed(self) -> str:
        """The digest of what went out."""
        return f"sha256:{self._packed.hexdigest()}"

    def _flush(self, count: int) -> None:
        member = bytes(deflate.gzip_compress(bytes(self._waiting[:count]), LEVEL))
        del self._waiting[:count]
        self._packed.update(member)
        self._target.write(member)
        self.size += len(member)
