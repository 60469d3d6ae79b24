"""What is asked for between two texts, in the tokens of a model that was trained to fill gaps."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from stackrt.engine.artifact import FillTokens
from stackrt.engine.language import ChatTemplate, LanguageEngine, LanguageModel
from stackrt.engine.openai import completions
from stackrt.engine.openai.insertion import fill
from stackrt.engine.openai.prompts import TextPrompt
from stackrt.errors import ApiError

# Special tokens of SmolLM2 that stand in for those that it lacks.
PREFIX, SUFFIX, MIDDLE = 3, 4, 5
BOS = 1


def described(folder: Path, source: Path, **fields: Any) -> Path:
    """The model in `source` under another description."""
    for file in source.iterdir():
        (folder / file.name).symlink_to(file)
    path = folder / "model.json"
    description = json.loads(path.read_text())
    path.unlink()
    path.write_text(json.dumps({**description, **fields}))
    return folder


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "opened"])
def engine(
    request: pytest.FixtureRequest,
    language_folder: Path,
    chat_template: ChatTemplate,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LanguageEngine]:
    folder = described(
        tmp_path_factory.mktemp("model"),
        language_folder,
        bos_token_id=BOS,
        add_bos_token=request.param,
        fim_prefix_id=PREFIX,
        fim_suffix_id=SUFFIX,
        fim_middle_id=MIDDLE,
    )
    model = LanguageModel(name="smollm2", path=folder, render=chat_template, slots=1)
    engine = model.load(threads=2, max_queue=4, device="cpu")
    asyncio.run(engine.open())
    yield engine
    asyncio.run(engine.close())


def opening(engine: LanguageEngine) -> list[int]:
    return [BOS] if engine.artifact.add_bos_token else []


def test_the_gap_stands_at_the_end(engine: LanguageEngine) -> None:
    assert engine.artifact.fill_tokens == FillTokens(prefix=PREFIX, suffix=SUFFIX, middle=MIDDLE)
    prompt = TextPrompt("def f(", engine.encode_text("def f("))
    filled = fill(engine, prompt, "):\n    return x")
    before = engine.tokenizer.encode("def f(", limit=9, special_tokens=False)
    after = engine.tokenizer.encode("):\n    return x", limit=9, special_tokens=False)
    assert filled.text == "def f("
    assert filled.tokens == [*opening(engine), PREFIX, *before, SUFFIX, *after, MIDDLE]


def test_nothing_may_be_in_front(engine: LanguageEngine) -> None:
    filled = fill(engine, TextPrompt("", engine.encode_text("")), "x")
    (after,) = engine.tokenizer.encode("x", limit=1, special_tokens=False)
    assert filled.tokens == [*opening(engine), PREFIX, SUFFIX, after, MIDDLE]


def test_both_sides_must_fit(engine: LanguageEngine) -> None:
    side = engine.tokenizer.encode("ship " * 250, limit=400, special_tokens=False)
    for prompt, suffix in ((side, "ship " * 260), (side[:9], "ship " * 100_000)):
        with pytest.raises(ApiError) as caught:
            fill(engine, TextPrompt("ship", prompt), suffix)
        assert (caught.value.status, caught.value.code) == (400, "context_length_exceeded")


def test_a_completion_is_what_belongs_between(engine: LanguageEngine) -> None:
    async def ask(**fields: Any) -> dict[str, Any]:
        request: Any = {"model": "m", "max_tokens": 4, "temperature": 0, **fields}
        answer = await completions.start(engine, request, "m")
        body: dict[str, Any] = json.loads(await answer.body())
        return body

    filled = asyncio.run(ask(prompt="One, two", suffix=" and four", echo=True))
    tokens = fill(
        engine, TextPrompt("One, two", engine.encode_text("One, two")), " and four"
    ).tokens
    plain = asyncio.run(ask(prompt=tokens))
    assert filled["choices"][0]["text"] == "One, two" + plain["choices"][0]["text"]
    assert filled["usage"]["prompt_tokens"] == len(tokens)
