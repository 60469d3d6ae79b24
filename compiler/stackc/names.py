"""The names of generated code: what a YAML name is called in Python."""

import keyword
import re
import sys
from collections.abc import Callable, Iterable
from itertools import chain, count

from stackc.catalog import Symbol

RESERVED = frozenset(
    (
        *("app", "build", "client", "health", "main", "models", "runtime", "settings"),
        *("stackc", "stackrt", "wheels"),
    )
)
"""Names that mean something else in a generated package or beside it."""


def identifier(name: str) -> str:
    """A YAML name as a Python name: `vllm-inference` is `vllm_inference`."""
    word = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").lower()
    if not word or word[0].isdigit():
        word = f"_{word}"
    return f"{word}_" if keyword.iskeyword(word) else word


def folder(name: str) -> str:
    """A YAML name as the name of a folder: `org/Model-1.5` is `org-Model-1.5`."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-") or "model"


def unique(
    names: list[str],
    taken: frozenset[str],
    suffix: str,
    spell: Callable[[str], str] = identifier,
) -> dict[str, str]:
    """A spelling for each YAML name; one that is taken gets the suffix, then a number."""
    used = set(taken)
    chosen: dict[str, str] = {}
    for name in names:
        word = spell(name)
        numbered = (f"{word}_{suffix}_{number}" for number in count(2))
        candidates = chain((word, f"{word}_{suffix}"), numbered)
        chosen[name] = next(each for each in candidates if each not in used)
        used.add(chosen[name])
    return chosen


def package(stack: str) -> str:
    """The Python package of a stack: its name, with `_stack` behind it where it would hide another."""
    word = identifier(stack)
    hides = word in sys.stdlib_module_names or word in RESERVED or word in _LIBRARIES
    return f"{word}_stack" if hides else word


_LIBRARIES = frozenset(
    (
        *("aiohttp", "hypercorn", "llguidance", "numpy", "nvidia", "onnxruntime", "openai"),
        *("pydantic", "starlette", "tokenizers", "uvloop"),
    )
)


def aliases(symbols: Iterable[Symbol], taken: frozenset[str]) -> dict[Symbol, str]:
    """Other names for the classes whose own are taken: `acme.provider:Route` is `AcmeRoute`."""
    used, chosen = set(taken), dict[Symbol, str]()
    for symbol in dict.fromkeys(symbols):
        word, number = symbol.name, 1
        while word in used:
            word = f"{_camel(symbol.module)}{symbol.name}{number if number > 1 else ''}"
            number += 1
        used.add(word)
        if word != symbol.name:
            chosen[symbol] = word
    return chosen


def _camel(module: str) -> str:
    """The first part of a module's name, as classes are called."""
    words = module.partition(".")[0].split("_")
    return "".join(word[:1].upper() + word[1:] for word in words)
