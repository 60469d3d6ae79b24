"""How sentence-transformers turns an encoder's token vectors into the vector of a sentence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from stackc.models.errors import CorruptFileError, UnsupportedError
from stackc.models.formats.entries import Entries, read_json

MODULES: Final = "modules.json"
PROMPTS: Final = "config_sentence_transformers.json"

_POOLINGS: Final = {"mean_tokens": "mean", "cls_token": "cls", "max_tokens": "max"}
_FLAG: Final = "pooling_mode_"


@dataclass(frozen=True)
class Sentence:
    """One vector for a text: ``pooling`` is ``mean``, ``cls`` (the first token's) or ``max``.

    ``prompts`` are instructions that stand before a text, by what the text is (``query``,
    ``document``); ``default_prompt`` names the one that is used where nothing is said.
    """

    pooling: str = "mean"
    normalize: bool = False
    prompts: Mapping[str, str] = field(default_factory=dict)
    default_prompt: str | None = None


def read_sentence(files: Mapping[str, Path]) -> Sentence:
    """What the folder says about it; without ``modules.json`` the mean, not normalised.

    Raises:
        UnsupportedError: a module, a pooling or its treatment of prompts has no converter.
        MissingFileError, CorruptFileError: a file is not there or not what it should be.
    """
    prompts, default = _prompts(files)
    pooling, normalize = "mean", False
    modules = read_json(files, MODULES) if MODULES in files else []
    for module in Entries.listed(MODULES, modules):
        # The path to the class has changed from release to release, and its name has not.
        kind = str(module.values.get("type", "missing")).rpartition(".")[2]
        folder = module.text("path") or ""
        if kind == "Pooling":
            pooling = _pooling(files, f"{folder}/config.json", prompts)
        elif kind == "Normalize":
            normalize = True
        elif kind != "Transformer":
            raise UnsupportedError(f"module `{kind}` of a sentence encoder is not supported")
        elif folder:
            raise UnsupportedError(f"a transformer in a subfolder (`{folder}`) is not supported")
    return Sentence(pooling, normalize, prompts, default)


def _pooling(files: Mapping[str, Path], name: str, prompts: Mapping[str, str]) -> str:
    entries = Entries.read(files, name)
    if prompts and entries.values.get("include_prompt", True) is not True:
        raise UnsupportedError("pooling that leaves the prompt out is not supported")
    # From release 5.2 on one name; before that, a flag for each way.
    named = entries.text("pooling_mode")
    flags = [key.removeprefix(_FLAG) for key, on in entries.values.items() if _is_set(key, on)]
    modes = [_POOLINGS.get(mode, mode) for mode in ([named] if named else flags)]
    if len(modes) != 1 or modes[0] not in _POOLINGS.values():
        chosen = " + ".join([named] if named else flags) or "none"
        supported = ", ".join(_POOLINGS)
        raise UnsupportedError(f"pooling `{chosen}` is not supported; supported: {supported}")
    return modes[0]


def _is_set(key: str, on: object) -> bool:
    return key.startswith(_FLAG) and bool(on)


def _prompts(files: Mapping[str, Path]) -> tuple[dict[str, str], str | None]:
    entries = Entries.optional(files, PROMPTS)
    written = entries.object("prompts")
    prompts = {name: written.text(name) or "" for name in written.values}
    default = entries.text("default_prompt_name")
    if default is not None and default not in prompts:
        raise CorruptFileError(PROMPTS, f"there is no prompt `{default}`")
    return {name: text for name, text in prompts.items() if text}, default
