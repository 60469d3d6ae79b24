"""Tool choice by similarity, with a real embedding model: how often it is right."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from stackrt.engine import tool_choice
from stackrt.engine.embedding import EmbeddingEngine, EmbeddingModel
from stackrt.engine.encoder import Row
from stackrt.engine.tool_choice import ToolChooser, description
from stackrt.engine.tools import Tool, ToolUse

DESCRIPTIONS = {
    "get_weather": "Get the current weather in a city",
    "send_email": "Send an email to a person",
    "search_web": "Search the web for information about a topic",
    "create_event": "Create an event or a meeting in the calendar",
    "convert_currency": "Convert an amount of money from one currency to another",
    "play_music": "Play a song or an album of an artist",
}

REQUESTS = {
    "What is the weather in Paris?": "get_weather",
    "Is it raining in London right now?": "get_weather",
    "How warm is it in Madrid today?": "get_weather",
    "Send an email to Anna that I will be late": "send_email",
    "Write to bob@example.com that the report is done": "send_email",
    "Email my boss that I am sick": "send_email",
    "Search the web for the history of Rome": "search_web",
    "Find information about quantum computers online": "search_web",
    "Look up who won the world cup in 2018": "search_web",
    "Schedule a meeting with Tom on Monday": "create_event",
    "Put the dentist appointment in my calendar for May 3": "create_event",
    "Create an event called Birthday on June 5": "create_event",
    "How much is 100 dollars in euros?": "convert_currency",
    "Convert 50 pounds to yen": "convert_currency",
    "Play Yesterday by the Beatles": "play_music",
    "I want to listen to some jazz": "play_music",
    "Tell me a joke": None,
    "Hello, how are you?": None,
    "What is two plus two?": None,
    "Who are you?": None,
    "Write a poem about love": None,
    "Explain how photosynthesis works": None,
}


@pytest.fixture(scope="module")
def engine(embedding_folder: Path) -> Iterator[EmbeddingEngine]:
    model = EmbeddingModel(name="minilm", path=embedding_folder)
    engine = model.load(threads=2, max_queue=64, device="cpu")
    asyncio.run(engine.open())
    yield engine
    asyncio.run(engine.close())


def use(*, required: bool) -> ToolUse:
    tools = [
        Tool(name=name, description=text, parameters={}, declaration={}, param="tools")
        for name, text in DESCRIPTIONS.items()
    ]
    return ToolUse(tools=tools, required=required, parallel=True)


def chosen(engine: EmbeddingEngine, request: str | None, *, required: bool = False) -> str | None:
    chooser = ToolChooser(engine, threshold=0.3)
    choice = asyncio.run(chooser.choose(request, use(required=required)))
    if choice is None:
        return None
    assert (choice.required, choice.parallel, len(choice.tools)) == (True, False, 1)
    return choice.tools[0].name


def test_nine_of_ten_choices_are_right(engine: EmbeddingEngine) -> None:
    """The default language model alone chooses no tool for any of these: 6 of 22 are right."""
    right = [chosen(engine, request) == wanted for request, wanted in REQUESTS.items()]
    assert sum(right) >= 20
    # No request is given a tool that does something else.
    assert all(chosen(engine, request) in (wanted, None) for request, wanted in REQUESTS.items())


def test_where_a_tool_is_required_the_most_similar_one_is_called(engine: EmbeddingEngine) -> None:
    for request, wanted in REQUESTS.items():
        if wanted is not None:
            assert chosen(engine, request, required=True) == wanted
    assert chosen(engine, "Tell me a joke", required=True) in DESCRIPTIONS


def test_nothing_is_called_when_a_tool_has_spoken_last(engine: EmbeddingEngine) -> None:
    assert chosen(engine, None) is None
    assert chosen(engine, None, required=True) in DESCRIPTIONS


def test_a_long_request_is_read_as_far_as_the_model_reads(engine: EmbeddingEngine) -> None:
    assert chosen(engine, "What is the weather in Paris? " * 5000) == "get_weather"


def test_texts_of_tools_are_embedded_once(
    engine: EmbeddingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed = EmbeddingEngine.embed
    sizes: list[int] = []

    async def counted(self: EmbeddingEngine, inputs: Sequence[Row]) -> NDArray[np.float32]:
        sizes.append(len(inputs))
        return await embed(self, inputs)

    async def run() -> None:
        monkeypatch.setattr(EmbeddingEngine, "embed", counted)
        chooser = ToolChooser(engine, threshold=0.3)
        tools = use(required=False).tools
        first = await chooser.similarities("Is it raining in Oslo?", tools)
        again = await chooser.similarities("Is it raining in Oslo?", [*tools, *tools])
        assert again == pytest.approx([*first, *first], abs=1e-5)

    asyncio.run(run())
    assert sizes == [1 + len(DESCRIPTIONS), 1]


def test_what_is_kept_has_a_bound(engine: EmbeddingEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool_choice, "MAX_KNOWN", 4)

    async def run() -> None:
        chooser = ToolChooser(engine, threshold=0.3)
        tools = use(required=False).tools
        scores = await chooser.similarities("Play some jazz", tools)
        assert list(chooser._known) == [description(tool) for tool in tools][-4:]
        again = await chooser.similarities("Play some jazz", tools)
        assert again == pytest.approx(scores, abs=1e-5)

    asyncio.run(run())
