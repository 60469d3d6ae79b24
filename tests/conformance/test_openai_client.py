"""The official `openai` package against the starter: chat, completions, embeddings, models."""

import asyncio
import base64
import struct

import openai
import pytest

CHAT = "onnx/smollm2-135m-instruct"
EMBEDDING = "onnx/all-minilm-l6-v2"
QUESTION = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "What is the capital of France?"},
]


@pytest.fixture
def client(starter: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{starter}/v1", api_key="none", max_retries=0)


@pytest.fixture
def async_client(starter: str) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{starter}/v1", api_key="none", max_retries=0)


def test_chat(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model=CHAT, messages=QUESTION, temperature=0, max_tokens=40
    )
    assert "Paris" in answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == CHAT
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_stream_is_the_same_text(client: openai.OpenAI) -> None:
    options = {"model": CHAT, "messages": QUESTION, "temperature": 0, "max_tokens": 40}
    whole = client.chat.completions.create(**options)
    stream = client.chat.completions.create(
        **options, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage.total_tokens == whole.usage.total_tokens
    assert len({chunk.id for chunk in chunks}) == 1


def test_async(async_client: openai.AsyncOpenAI) -> None:
    async def ask() -> list[str]:
        answers = await asyncio.gather(
            *(
                async_client.chat.completions.create(
                    model=CHAT, messages=QUESTION, temperature=0, max_tokens=40
                )
                for _ in range(3)
            )
        )
        return [answer.choices[0].message.content for answer in answers]

    texts = asyncio.run(ask())
    assert len(set(texts)) == 1
    assert "Paris" in texts[0]


def test_async_stream(async_client: openai.AsyncOpenAI) -> None:
    async def ask() -> str:
        stream = await async_client.chat.completions.create(
            model=CHAT, messages=QUESTION, temperature=0, max_tokens=40, stream=True
        )
        return "".join([c.choices[0].delta.content or "" async for c in stream if c.choices])

    assert "Paris" in asyncio.run(ask())


def test_seed_is_reproducible(client: openai.OpenAI) -> None:
    def once(seed: int) -> str:
        answer = client.chat.completions.create(
            model=CHAT, messages=QUESTION, temperature=1.5, seed=seed, max_tokens=20
        )
        return answer.choices[0].message.content

    assert once(1) == once(1)
    assert len({once(seed) for seed in range(4)}) > 1


def test_max_tokens_and_stop(client: openai.OpenAI) -> None:
    short = client.chat.completions.create(
        model=CHAT, messages=QUESTION, temperature=0, max_tokens=3
    )
    assert short.choices[0].finish_reason == "length"
    assert short.usage.completion_tokens == 3
    stopped = client.chat.completions.create(
        model=CHAT, messages=QUESTION, temperature=0, max_tokens=40, stop=["France"]
    )
    assert stopped.choices[0].message.content == "The capital of "


def test_completions(client: openai.OpenAI) -> None:
    answer = client.completions.create(
        model=CHAT, prompt="One, two, three,", max_tokens=4, temperature=0, echo=True
    )
    assert answer.choices[0].text.startswith("One, two, three, four")
    stream = client.completions.create(
        model=CHAT, prompt="One, two, three,", max_tokens=4, temperature=0, stream=True
    )
    text = "".join(chunk.choices[0].text for chunk in stream if chunk.choices)
    assert "One, two, three," + text == answer.choices[0].text


def test_embeddings(client: openai.OpenAI) -> None:
    texts = ["a cat sat on the mat", "a kitten on a rug", "quarterly revenue rose"]
    answer = client.embeddings.create(model=EMBEDDING, input=texts, encoding_format="float")
    cat, kitten, revenue = (row.embedding for row in answer.data)
    assert len(cat) == 384
    assert dot(cat, cat) == pytest.approx(1, abs=1e-5)
    assert dot(cat, kitten) > dot(cat, revenue) + 0.2
    assert answer.usage.prompt_tokens > 10


def test_embeddings_base64_and_dimensions(client: openai.OpenAI) -> None:
    whole = client.embeddings.create(model=EMBEDDING, input="a text", encoding_format="float")
    raw = client.with_raw_response.embeddings.create(
        model=EMBEDDING, input="a text", encoding_format="base64"
    )
    encoded = base64.b64decode(raw.http_response.json()["data"][0]["embedding"])
    assert list(struct.unpack("<384f", encoded)) == pytest.approx(whole.data[0].embedding)
    short = (
        client.embeddings.create(
            model=EMBEDDING, input="a text", dimensions=64, encoding_format="float"
        )
        .data[0]
        .embedding
    )
    assert len(short) == 64
    assert dot(short, short) == pytest.approx(1, abs=1e-5)


def test_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [CHAT, EMBEDDING]
    assert client.models.retrieve(CHAT).owned_by == "onnx"


@pytest.mark.parametrize(
    ("options", "error", "code"),
    [
        ({"model": "onnx/nope", "messages": QUESTION}, openai.NotFoundError, "model_not_found"),
        ({"model": EMBEDDING, "messages": QUESTION}, openai.BadRequestError, None),
        ({"model": CHAT, "messages": []}, openai.BadRequestError, None),
        (
            {"model": CHAT, "messages": [{"role": "user", "content": 7}]},
            openai.BadRequestError,
            None,
        ),
        ({"model": CHAT, "messages": QUESTION, "temperature": "hot"}, openai.BadRequestError, None),
        (
            {"model": CHAT, "messages": [{"role": "user", "content": "word " * 20_000}]},
            openai.BadRequestError,
            "context_length_exceeded",
        ),
    ],
)
def test_errors(client: openai.OpenAI, options: dict, error: type, code: str | None) -> None:
    with pytest.raises(error) as raised:
        client.chat.completions.create(**options)
    assert raised.value.body["message"]
    assert raised.value.body["type"] == "invalid_request_error"
    if code:
        assert raised.value.code == code
    assert client.models.list().data, "the server goes on"


def dot(left: list[float], right: list[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))
