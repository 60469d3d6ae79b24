"""What several tests of the runtime look at: compiled models, and a stack that serves."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from served import KEY, Served, serving
from stackc.cache import cache_dir
from stackc.lock import parse
from stackc.models.compile import ModelOptions, compile_model
from stackc.models.sources.source import materialise, parse_source
from stackrt.engine.language import ChatTemplate
from stackrt.engine.tokenizer import Tokenizer
from upstream import Upstream

ROOT = Path(__file__).parent.parent.parent
CONTEXT_LENGTH = 512


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
    """SmolLM2-135M-Instruct, 8 bits, with a context of 512 tokens."""
    return compiled("llm", CONTEXT_LENGTH)


@pytest.fixture(scope="session")
def embedding_folder() -> Path:
    """all-MiniLM-L6-v2, 8 bits."""
    return compiled("embedding")


@pytest.fixture(scope="session")
def chat_template() -> ChatTemplate:
    """Writes a chat as SmolLM2 reads it."""
    return _chatml


def _chatml(
    messages: Sequence[Mapping[str, Any]],
    *,
    tools: Sequence[Mapping[str, Any]] | None,
    add_generation_prompt: bool,
) -> str:
    turns = [f"<|im_start|>{each['role']}\n{each['content']}<|im_end|>\n" for each in messages]
    return "".join(turns) + ("<|im_start|>assistant\n" if add_generation_prompt else "")


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    """A remote server that does what the name of the model says."""
    server = Upstream()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def patient_gateway(upstream: Upstream) -> Iterator[Served]:
    """A stack that waits for `upstream` as long as the defaults have it: it never gives up first."""
    with serving(OPENAI_BASE_URL=upstream.url) as stack:
        yield stack


@pytest.fixture(scope="session")
def gateway(upstream: Upstream) -> Iterator[Served]:
    """The hand-written stack in front of `upstream`, in a process of its own."""
    with serving(OPENAI_BASE_URL=upstream.url, OPENAI_API_KEY=KEY, READ_TIMEOUT="1") as stack:
        yield stack


@pytest.fixture(scope="session")
def tokenizer(language_folder: Path) -> Tokenizer:
    """That of the language model."""
    return Tokenizer(language_folder / "tokenizer.json")
