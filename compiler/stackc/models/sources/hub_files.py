"""Which files of a repository on a hub are the model: safetensors with a configuration, or one GGUF."""

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import PurePosixPath
from typing import Final

from stackc.models.errors import FetchError, UnsupportedError
from stackc.models.formats.shards import INDEX, WEIGHTS

_PICKLES: Final = (".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth")
_PART: Final = re.compile(r"-(\d{5})-of-(\d{5})\.gguf", re.IGNORECASE)


def model_files(
    source: str, path: str, names: Collection[str], is_needed: Callable[[str], bool]
) -> dict[str, str]:
    """Path inside the model's folder to name inside the repository.

    ``path`` is what the source says behind ``#``: a file, a folder, or nothing for the whole
    repository. Of a folder the files of ``is_needed`` are taken if there are safetensors and their
    configuration among them, else its only GGUF file. Pickles are never taken: reading one runs
    the code that is in it.

    Raises:
        FetchError: there is no model, or several GGUF files.
        UnsupportedError: the weights are pickles, or a GGUF file in parts.
    """
    if path in names:
        return {PurePosixPath(path).name: _readable(path)}
    prefix = f"{path}/" if path else ""
    inside = {name.removeprefix(prefix): name for name in names if name.startswith(prefix)}
    if not inside:
        raise FetchError(source, "the repository has nothing at that path")
    needed = {part: inside[part] for part in sorted(inside) if is_needed(part)}
    if "config.json" in needed and any(_is_weights(part) for part in needed):
        return _without_spare_weights(needed)
    ggufs = {part: inside[part] for part in sorted(inside) if part.lower().endswith(".gguf")}
    if ggufs:
        return _only(source, ggufs)
    raise _without_weights(source, inside)


def _without_spare_weights(needed: Mapping[str, str]) -> dict[str, str]:
    """Without the shards where the weights are there as one file too."""
    if WEIGHTS not in needed:
        return dict(needed)
    return {
        part: name
        for part, name in needed.items()
        if part == WEIGHTS or not (_is_weights(part) or part == INDEX)
    }


def _is_weights(path: str) -> bool:
    return path.endswith(".safetensors") and "/" not in path


def _readable(name: str) -> str:
    if PurePosixPath(name).suffix.lower() in _PICKLES:
        raise _pickled([name])
    if _is_part(name):
        raise _in_parts(name)
    return name


def _only(source: str, ggufs: Mapping[str, str]) -> dict[str, str]:
    """The GGUF file of a folder that has one."""
    if all(map(_is_part, ggufs)):
        raise _in_parts(next(iter(ggufs)))
    if len(ggufs) > 1:
        listed = ", ".join(f"`{name}`" for name in ggufs.values())
        raise FetchError(source, f"it has several GGUF files: name one behind `#`: {listed}")
    return dict(ggufs)


def _is_part(name: str) -> bool:
    part = _PART.search(name)
    return part is not None and int(part[2]) > 1


def _without_weights(source: str, inside: Mapping[str, str]) -> FetchError | UnsupportedError:
    pickles = [
        inside[part] for part in sorted(inside) if PurePosixPath(part).suffix.lower() in _PICKLES
    ]
    if pickles:
        return _pickled(pickles)
    if any(_is_weights(part) for part in inside):
        return FetchError(source, "it has safetensors, but not the `config.json` of a model")
    return FetchError(source, "it has no weights as safetensors or GGUF at that path")


def _pickled(names: list[str]) -> UnsupportedError:
    listed = ", ".join(f"`{name}`" for name in names)
    return UnsupportedError(
        f"the weights are pickles, which run code when they are read: {listed}; "
        "only safetensors and GGUF are taken"
    )


def _in_parts(name: str) -> UnsupportedError:
    return UnsupportedError(f"`{name}` is one part of a GGUF file, which has to be whole")
