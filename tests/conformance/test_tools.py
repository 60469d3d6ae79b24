"""The official `openai` package against the starter: parsed answers, tools, a conversation of both."""

import json

import openai
import pydantic
import pytest

CHAT = "onnx/smollm2-135m-instruct"


@pytest.fixture
def client(starter: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{starter}/v1", api_key="none", max_retries=0)


class City(pydantic.BaseModel):
    """A city and how many people live in it; bounded, as small models are long-winded."""

    name: str = pydantic.Field(max_length=30)
    inhabitants: int = pydantic.Field(ge=0, le=99_999_999)


def test_an_answer_is_parsed(client: openai.OpenAI) -> None:
    answer = client.chat.completions.parse(
        model=CHAT,
        messages=[{"role": "user", "content": "How large is Paris?"}],
        response_format=City,
        max_tokens=100,
        temperature=0,
    )
    assert isinstance(answer.choices[0].message.parsed, City)


def test_a_tool_is_called_and_its_result_is_answered(client: openai.OpenAI) -> None:
    options = {"model": CHAT, "tools": [openai.pydantic_function_tool(City)], "temperature": 0}
    question = {"role": "user", "content": "Tell me about Paris, with 2000000 inhabitants."}
    first = client.chat.completions.create(
        messages=[question],
        tool_choice={"type": "function", "function": {"name": "City"}},
        parallel_tool_calls=False,
        max_tokens=100,
        **options,
    ).choices[0]
    assert first.finish_reason == "tool_calls"
    (call,) = first.message.tool_calls
    City.model_validate(json.loads(call.function.arguments))
    result = {"role": "tool", "tool_call_id": call.id, "content": "Noted."}
    second = client.chat.completions.create(
        messages=[question, first.message, result], tool_choice="none", max_tokens=40, **options
    )
    assert second.choices[0].message.content
