"""What can be wrong with a model: exceptions that carry data, each with a one-line message."""

from collections.abc import Sequence
from typing import Final

_LONGEST: Final = 800


class ModelError(Exception):
    """A model cannot be read, fetched or compiled; ``str(error)`` is one line.

    What a damaged file holds may be part of the message: it is cut, and only what can be printed
    is.
    """

    def __init__(self, message: str) -> None:
        super().__init__(_one_line(message))


class CorruptFileError(ModelError):
    """A file breaks the rules of its format."""

    def __init__(self, file: str, detail: str) -> None:
        super().__init__(f"`{file}` is damaged: {detail}")
        self.file = file
        self.detail = detail


class MissingFileError(ModelError):
    """A file that the model needs is not there."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"`{file}` is missing: {reason}")
        self.file = file
        self.reason = reason


class UnsupportedError(ModelError):
    """A well-formed model uses something that the compiler cannot translate."""


class UnsupportedArchitectureError(UnsupportedError):
    """The model's architecture is none of those that have a converter."""

    def __init__(self, architecture: str, supported: Sequence[str]) -> None:
        known = ", ".join(supported)
        super().__init__(f"architecture `{architecture}` is not supported; supported: {known}")
        self.architecture = architecture
        self.supported = tuple(supported)


class UnsupportedTensorTypeError(UnsupportedError):
    """A tensor is stored in a number format that the compiler does not read."""

    def __init__(self, tensor: str, type_name: str, supported: Sequence[str]) -> None:
        known = ", ".join(supported)
        message = f"tensor `{tensor}` has type {type_name}, which is not supported"
        super().__init__(f"{message}; supported: {known}")
        self.tensor = tensor
        self.type_name = type_name
        self.supported = tuple(supported)


class UnsupportedTemplateError(UnsupportedError):
    """A chat template uses a Jinja construct that has no translation."""

    def __init__(self, construct: str, line: int) -> None:
        super().__init__(f"line {line} of the chat template uses {construct}, not supported")
        self.construct = construct
        self.line = line


class InvalidSourceError(ModelError):
    """The text that says where a model comes from does not follow the syntax."""

    def __init__(self, text: str, detail: str) -> None:
        super().__init__(f"`{text}` is not a model source: {detail}")
        self.text = text
        self.detail = detail


class InvalidOptionError(ModelError):
    """A compile option has a value that this model cannot have."""

    def __init__(self, model: str, option: str, detail: str) -> None:
        super().__init__(f"`{option}` of model `{model}`: {detail}")
        self.model = model
        self.option = option
        self.detail = detail


class FetchError(ModelError):
    """A source could not be fetched."""

    def __init__(self, source: str, detail: str) -> None:
        super().__init__(f"cannot fetch `{source}`: {detail}")
        self.source = source
        self.detail = detail


class ChecksumMismatchError(ModelError):
    """A fetched file is not the one that was locked."""

    def __init__(self, path: str, want: str, got: str) -> None:
        super().__init__(f"`{path}` has sha256 {got}, but the lock says {want}")
        self.path = path
        self.want = want
        self.got = got


class WriteError(ModelError):
    """An artifact or a cache entry could not be written, for example because the disk is full."""

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(f"cannot write `{path}`: {detail}")
        self.path = path
        self.detail = detail


def _one_line(message: str) -> str:
    shown = "".join(each if each.isprintable() else " " for each in message[:_LONGEST])
    return shown if len(message) <= _LONGEST else f"{shown} ..."
