"""The official clients in the process of the stack."""

import asyncio
import threading
from typing import Any

import openai
import pytest
from gateway import Settings, build
from pydantic import SecretStr
from stackrt import client
from starlette.applications import Starlette
from upstream import Upstream

HI: Any = [{"role": "user", "content": "hi"}]


@pytest.fixture
def app(upstream: Upstream) -> Starlette:
    """A stack of its own for each client."""
    return build(Settings(openai_base_url=upstream.url, openai_api_key=SecretStr("k")))


def test_openai(app: Starlette, capfd: pytest.CaptureFixture[str]) -> None:
    threads = threading.active_count()
    with client.openai(app) as stack:
        assert capfd.readouterr().out == "opened\n"
        answer = stack.chat.completions.create(model="openai/declared", messages=HI)
        assert (answer.model, answer.choices[0].message.content) == ("openai/declared", "é")
        assert stack.models.retrieve("openai/declared").owned_by == "openai"
        vectors = stack.embeddings.create(
            model="openai/vectors", input="x", encoding_format="float"
        )
        assert vectors.data[0].embedding == [0.5]
        with pytest.raises(openai.NotFoundError, match="did you mean"):
            stack.chat.completions.create(model="scripted/scrpt", messages=HI)
    assert capfd.readouterr().out == "closed\n"
    assert threading.active_count() == threads


def test_openai_streams_truly(app: Starlette) -> None:
    with client.openai(app) as stack:
        stream = stack.chat.completions.create(model="openai/endless", messages=HI, stream=True)
        # The server never ends this answer; its first piece comes all the same.
        assert next(iter(stream)).choices[0].delta.content == "é"
        stream.close()
        chunks = list(stack.chat.completions.create(model="openai/any", messages=HI, stream=True))
        assert [chunk.model for chunk in chunks] == ["openai/any"] * 3


def test_async_openai(app: Starlette, capfd: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        async with client.async_openai(app) as stack:
            answers = await asyncio.gather(
                *(
                    stack.chat.completions.create(model="openai/declared", messages=HI)
                    for _ in range(20)
                )
            )
            assert {answer.model for answer in answers} == {"openai/declared"}
            stream = await stack.chat.completions.create(model="openai/x", messages=HI, stream=True)
            assert len([chunk async for chunk in stream]) == 3

    asyncio.run(main())
    assert capfd.readouterr().out == "opened\nclosed\n"


def test_llama_stack(app: Starlette, capfd: pytest.CaptureFixture[str]) -> None:
    with client.llama_stack(app) as stack:
        answer = stack.chat.completions.create(model="openai/declared", messages=HI)
        assert answer.model == "openai/declared"
        stream = stack.chat.completions.create(model="openai/x", messages=HI, stream=True)
        assert len(list(stream)) == 3
        assert [model.identifier for model in stack.models.list()][-1] == "scripted/script"
        assert stack.providers.retrieve("openai").health["status"] == "OK"
        assert stack.inspect.version().version == "1.2.3"
    assert capfd.readouterr().out == "opened\nclosed\n"


def test_async_llama_stack(app: Starlette, capfd: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        async with client.async_llama_stack(app) as stack:
            assert (await stack.inspect.health()).status == "OK"

    asyncio.run(main())
    assert capfd.readouterr().out == "opened\nclosed\n"


def test_a_stack_that_does_not_start_says_why() -> None:
    async def fail(app: Starlette) -> None:
        raise RuntimeError("no such model file")

    class Lifespan:
        def __init__(self, app: Starlette) -> None: ...

        async def __aenter__(self) -> None:
            raise RuntimeError("no such model file")

        async def __aexit__(self, *error: object) -> None: ...

    with pytest.raises(Exception, match="no such model file"):
        client.openai(Starlette(lifespan=Lifespan))
