"""The official `llama-stack-client` package against the starter."""

import pytest
from llama_stack_client import AsyncLlamaStackClient, LlamaStackClient, NotFoundError

CHAT = "onnx/smollm2-135m-instruct"
EMBEDDING = "onnx/all-minilm-l6-v2"
QUESTION = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "What is the capital of France?"},
]


@pytest.fixture
def client(starter: str) -> LlamaStackClient:
    return LlamaStackClient(base_url=starter, max_retries=0)


def test_models(client: LlamaStackClient) -> None:
    models = {model.identifier: model for model in client.models.list()}
    assert set(models) == {CHAT, EMBEDDING}
    assert models[EMBEDDING].metadata["embedding_dimension"] == 384
    assert client.models.retrieve(CHAT).provider_id == "onnx"


def test_chat(client: LlamaStackClient) -> None:
    answer = client.chat.completions.create(
        model=CHAT, messages=QUESTION, temperature=0, max_tokens=40
    )
    assert "Paris" in str(answer.choices[0].message.content)


def test_stream(client: LlamaStackClient) -> None:
    stream = client.chat.completions.create(
        model=CHAT, messages=QUESTION, temperature=0, max_tokens=40, stream=True
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert "Paris" in text


def test_async(starter: str) -> None:
    import asyncio

    async def ask() -> str:
        async with AsyncLlamaStackClient(base_url=starter) as client:
            answer = await client.chat.completions.create(
                model=CHAT, messages=QUESTION, temperature=0, max_tokens=40
            )
            return str(answer.choices[0].message.content)

    assert "Paris" in asyncio.run(ask())


def test_embeddings(client: LlamaStackClient) -> None:
    answer = client.embeddings.create(model=EMBEDDING, input=["one", "two"])
    assert [len(row.embedding) for row in answer.data] == [384, 384]


def test_inspection(client: LlamaStackClient) -> None:
    assert client.inspect.health().status == "OK"
    assert client.inspect.version().version
    assert {each.provider_id for each in client.providers.list()} == {"onnx"}
    assert client.providers.retrieve("onnx").provider_type == "inline::onnx"
    routes = {each.route for each in client.routes.list()}
    assert {"/v1/chat/completions", "/v1/embeddings", "/v1/health"} <= routes


def test_unknown_model(client: LlamaStackClient) -> None:
    with pytest.raises(NotFoundError):
        client.models.retrieve("onnx/nope")
