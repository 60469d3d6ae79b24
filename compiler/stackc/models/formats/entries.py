"""Typed access to the JSON files of a model's folder."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stackc.models.errors import CorruptFileError, MissingFileError


def required(files: Mapping[str, Path], name: str) -> Path:
    """The file that the model calls ``name``.

    Raises:
        MissingFileError: there is none.
    """
    if name not in files:
        raise MissingFileError(name, "the model needs it")
    return files[name]


def read_json(files: Mapping[str, Path], name: str) -> Any:
    """The content of a JSON file of the model.

    Raises:
        MissingFileError, CorruptFileError: the file is not there or not JSON.
    """
    data = required(files, name).read_bytes()
    try:
        content = json.loads(data)
        if b"\\ud" in data.lower():  # half of a character may be written, and is no text
            json.dumps(content, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise CorruptFileError(name, "it is not JSON") from None
    return content


class Entries:
    """The entries of a JSON object; what is not of the asked type is a CorruptFileError."""

    def __init__(self, file: str, values: Any) -> None:
        if not isinstance(values, dict):
            raise CorruptFileError(file, "it is not a JSON object")
        self.file = file
        self.values: dict[str, Any] = values

    @classmethod
    def read(cls, files: Mapping[str, Path], name: str) -> "Entries":
        """The object that a file of the model holds."""
        return cls(name, read_json(files, name))

    @classmethod
    def optional(cls, files: Mapping[str, Path], name: str) -> "Entries":
        """The object that a file of the model holds; an empty one where there is no file."""
        return cls.read(files, name) if name in files else cls(name, {})

    @classmethod
    def listed(cls, file: str, values: Any) -> "list[Entries]":
        """Each of the objects of a JSON array."""
        if not isinstance(values, list):
            raise CorruptFileError(file, "it is not a JSON array")
        return [cls(file, value) for value in values]

    def object(self, key: str) -> "Entries":
        """The object under ``key``; an empty one where it is absent or null."""
        value = self.values.get(key)
        return Entries(self.file, {} if value is None else value)

    def count(self, key: str) -> int:
        """The positive integer under ``key``."""
        value = self.values.get(key)
        if type(value) is not int or not 0 < value < 1 << 31:
            raise self._damaged(key)
        return value

    def index(self, key: str, default: int) -> int:
        """The integer from 0 on under ``key``, or ``default`` where it is absent."""
        value = self.values.get(key, default)
        if type(value) is not int or not 0 <= value < 1 << 31:
            raise self._damaged(key)
        return value

    def positive(self, key: str) -> float:
        """The number between 0 and 1 under ``key``."""
        value = self.values.get(key)
        if not isinstance(value, float) or not 0 < value < 1:
            raise self._damaged(key)
        return value

    def count_or(self, key: str, default: int) -> int:
        """The positive integer under ``key``, or ``default`` where it is absent or null."""
        return default if self.values.get(key) is None else self.count(key)

    def number(self, key: str, default: float | None = None, *, least: float = 1e-20) -> float:
        """The number from ``least`` to 1e20 under ``key``, or ``default`` where it is absent."""
        value = self.values.get(key)
        if value is None and default is not None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._damaged(key)
        if not least <= value <= 1e20:
            raise self._damaged(key)
        return float(value)

    def flag(self, key: str, *, default: bool) -> bool:
        """The truth value under ``key``, or ``default`` where it is absent or null."""
        value = self.values.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self._damaged(key)
        return value

    def text(self, key: str) -> str | None:
        """The text under ``key``, or None where it is absent or null."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, str):
            raise self._damaged(key)
        return value

    def _damaged(self, key: str) -> CorruptFileError:
        return CorruptFileError(self.file, f"`{key}` is {self.values.get(key)!r}")
