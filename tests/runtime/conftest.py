"""The models of the `starter` distribution, compiled once and kept in the compiler's cache."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from stackc.cache import cache_dir
from stackc.lock import parse
from stackc.models.compile import ModelOptions, compile_model
from stackc.models.source import materialise, parse_source

ROOT = Path(__file__).parent.parent.parent
CONTEXT_LENGTH = 4096


def compiled(model_type: str, context_length: int | None = None) -> Path:
    """The folder of the starter's model of that type, fetched and compiled if it is not there."""
    lock = parse((ROOT / "distributions/starter.lock").read_text())
    model = next(each for each in lock.models if each.model_type == model_type)
    source = parse_source(model.source)
    files = materialise(source, model.files, ROOT, cache_dir(), _silent)
    options = ModelOptions(context_length=context_length)
    return compile_model(model_type, files, options, cache_dir(), _silent).folder


def _silent(done: int, total: int) -> None:
    pass


@pytest.fixture(scope="session")
def language_folder() -> Path:
    """SmolLM2-135M-Instruct, 8 bits, with a context of 4096 tokens."""
    return compiled("llm", CONTEXT_LENGTH)


@pytest.fixture(scope="session")
def embedding_folder() -> Path:
    """all-MiniLM-L6-v2, 8 bits."""
    return compiled("embedding")


def chatml(
    messages: Sequence[Mapping[str, Any]],
    *,
    tools: Sequence[Mapping[str, Any]] | None,
    add_generation_prompt: bool,
) -> str:
    """A chat as SmolLM2 reads it."""
    turns = [f"<|im_start|>{each['role']}\n{each['content']}<|im_end|>\n" for each in messages]
    return "".join(turns) + ("<|im_start|>assistant\n" if add_generation_prompt else "")
