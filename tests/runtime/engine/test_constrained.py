"""Constrained texts and calls of tools over HTTP, with the official client and the real model."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import openai
import pydantic
import pytest
from stacks import running

RUNTIME = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def url(language_folder: Path, embedding_folder: Path) -> Iterator[str]:
    folders = {"LANGUAGE": str(language_folder), "EMBEDDING": str(embedding_folder)}
    with running(RUNTIME, "embedded", **folders) as stack:
        yield f"{stack.url}/v1"


@pytest.fixture(scope="module")
def client(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=url, api_key="none", max_retries=0)


def ask(client: openai.OpenAI, text: str = "Hello", **options: Any) -> Any:
    options = {"model": "onnx/chat", "max_tokens": 100, "temperature": 0, **options}
    messages = options.pop("messages", [{"role": "user", "content": text}])
    return client.chat.completions.create(messages=messages, **options)


def content(client: openai.OpenAI, text: str = "Hello", **options: Any) -> str:
    choice = ask(client, text, **options).choices[0]
    assert choice.finish_reason == "stop"
    assert isinstance(choice.message.content, str)
    return choice.message.content


class Person(pydantic.BaseModel):
    name: str
    age: int
    mood: Literal["good", "bad"]


def test_pydantic_models(client: openai.OpenAI) -> None:
    answer = client.chat.completions.parse(
        model="onnx/chat",
        messages=[{"role": "user", "content": "Ann is 31 years old and happy."}],
        response_format=Person,
        max_tokens=100,
        temperature=0,
    )
    person = answer.choices[0].message.parsed
    assert isinstance(person, Person)
    assert answer.choices[0].finish_reason == "stop"


def schema_format(schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "it", "schema": schema}}


def test_json_object(client: openai.OpenAI) -> None:
    # Copying is what every CPU's kernels agree on; what so small a model makes up may never end.
    asked = 'Write {"name": "Ann"} as JSON.'
    text = content(client, asked, response_format={"type": "json_object"})
    assert json.loads(text) == {"name": "Ann"}


def test_text_is_the_format_without_a_format(client: openai.OpenAI) -> None:
    plain, told = ask(client, "Say hi"), ask(client, "Say hi", response_format={"type": "text"})
    assert plain.choices[0].message == told.choices[0].message


@pytest.mark.parametrize(
    ("extra", "wanted"),
    [
        ({"guided_regex": "[0-9]{3}-[a-z]{2}"}, "[0-9]{3}-[a-z]{2}"),
        ({"guided_choice": ["yes", "no"]}, "yes|no"),
        ({"guided_json": {"enum": [1, 2]}}, "1|2"),
        ({"guided_grammar": 'root ::= "a" [b-z] "c"'}, "a[b-z]c"),
        ({"structured_outputs": {"regex": "[xy]{4}"}}, "[xy]{4}"),
        ({"response_format": {"type": "regex", "regex": "[xy]{4}"}}, "[xy]{4}"),
        ({"response_format": {"type": "grammar", "grammar": 'start: "x" "y"'}}, "xy"),
    ],
)
def test_other_forms(client: openai.OpenAI, extra: dict[str, Any], wanted: str) -> None:
    assert re.fullmatch(wanted, content(client, extra_body=extra))


def test_choices_have_grammars_of_their_own(client: openai.OpenAI) -> None:
    options = {"n": 4, "temperature": 1.5, "seed": 7, "extra_body": {"guided_regex": "[a-z]{5}"}}
    texts = [[one.message.content for one in ask(client, **options).choices] for _ in range(2)]
    assert texts[0] == texts[1]
    assert len(set(texts[0])) > 1
    assert all(re.fullmatch("[a-z]{5}", text) for text in texts[0])


def test_what_else_a_request_says_still_holds(client: openai.OpenAI) -> None:
    form = {"guided_regex": "[a-f]{8}"}
    plain = ask(client, extra_body=form, logprobs=True).choices[0]
    text = plain.message.content
    assert (
        ask(client, extra_body=form, stop=text[4]).choices[0].message.content
        == text[: text.index(text[4])]
    )
    # Log probabilities are the model's own, to which the grammar is unlikely.
    assert "".join(one.token for one in plain.logprobs.content) == text
    assert plain.logprobs.content[0].logprob < -3
    cut = ask(client, extra_body=form, max_tokens=1).choices[0]
    assert cut.finish_reason == "length"
    assert text.startswith(cut.message.content)
    stream = ask(client, extra_body=form, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == text


def test_completions(client: openai.OpenAI) -> None:
    answer = client.completions.create(
        model="onnx/chat", prompt="Call ", max_tokens=20, extra_body={"guided_regex": "[0-9]{3}"}
    )
    assert re.fullmatch("[0-9]{3}", answer.choices[0].text)


WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the current weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "maxLength": 20}},
            "required": ["city"],
        },
    },
}
ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Add two numbers",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a", "b"],
        },
    },
}
TOOLS = [WEATHER, ADD]
ONE_CALL = {"tools": TOOLS, "tool_choice": "required", "parallel_tool_calls": False}


def test_a_required_call(client: openai.OpenAI) -> None:
    choice = ask(client, "What is the weather in Paris?", **ONE_CALL).choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    (call,) = choice.message.tool_calls
    assert re.fullmatch("call_[0-9a-f]{24}", call.id)
    assert (call.type, call.function.name) == ("function", "get_weather")
    assert json.loads(call.function.arguments) == {"city": "Paris"}


@pytest.mark.parametrize(
    "choice",
    [
        {"type": "function", "function": {"name": "add"}},
        {
            "type": "allowed_tools",
            "allowed_tools": {
                "mode": "required",
                "tools": [{"type": "function", "function": {"name": "add"}}],
            },
        },
    ],
)
def test_a_named_function(client: openai.OpenAI, choice: Any) -> None:
    message = ask(client, "Hi", tools=TOOLS, tool_choice=choice).choices[0].message
    assert {call.function.name for call in message.tool_calls} == {"add"}
    arguments = json.loads(message.tool_calls[0].function.arguments)
    assert {type(value) for value in arguments.values()} == {int}


def test_calls_in_parallel_and_their_stream(client: openai.OpenAI) -> None:
    question = "What is the weather in Paris and in London?"
    options = {"tools": [WEATHER], "tool_choice": "required", "max_tokens": 150}
    whole = ask(client, question, **options).choices[0]
    assert [json.loads(call.function.arguments) for call in whole.message.tool_calls] == [
        {"city": "Paris"},
        {"city": "London"},
    ]
    chunks = [chunk.choices[0] for chunk in ask(client, question, stream=True, **options)]
    assert chunks[0].delta.role == "assistant"
    assert chunks[0].delta.content is None
    pieces = [piece for chunk in chunks for piece in chunk.delta.tool_calls or ()]
    for index, call in enumerate(whole.message.tool_calls):
        first, *rest = [piece for piece in pieces if piece.index == index]
        assert first.id.startswith("call_")
        assert (first.type, first.function.name, first.function.arguments) == (
            "function",
            "get_weather",
            "",
        )
        assert len(rest) > 2
        assert {(piece.id, piece.type, piece.function.name) for piece in rest} == {(None,) * 3}
        assert "".join(piece.function.arguments for piece in rest) == call.function.arguments
    assert not any(chunk.delta.content for chunk in chunks)
    assert chunks[-1].finish_reason == "tool_calls"


def test_the_streaming_helper(client: openai.OpenAI) -> None:
    class GetWeather(pydantic.BaseModel):
        city: str

    with client.chat.completions.stream(
        model="onnx/chat",
        messages=[{"role": "user", "content": "What is the weather in Paris?"}],
        tools=[openai.pydantic_function_tool(GetWeather, name="get_weather")],
        tool_choice="required",
        parallel_tool_calls=False,
        max_tokens=60,
        temperature=0,
    ) as stream:
        kinds = {event.type for event in stream}
        message = stream.get_final_completion().choices[0].message
    assert "tool_calls.function.arguments.delta" in kinds
    assert message.tool_calls[0].function.parsed_arguments == GetWeather(city="Paris")


def test_the_length_may_cut_a_call(client: openai.OpenAI) -> None:
    whole = ask(client, "What is the weather in Paris?", **ONE_CALL)
    call = whole.choices[0].message.tool_calls[0]
    for length in (2, whole.usage.completion_tokens - 12):
        cut = ask(client, "What is the weather in Paris?", max_tokens=length, **ONE_CALL).choices[0]
        assert cut.finish_reason == "length"
        assert not cut.message.content
        for found in cut.message.tool_calls or ():
            assert found.function.name == call.function.name
            assert call.function.arguments.startswith(found.function.arguments)


def test_auto_and_none_leave_it_to_the_model_to_answer(client: openai.OpenAI) -> None:
    for choice in ("auto", "none"):
        answer = ask(client, "Hello!", tools=TOOLS, tool_choice=choice, max_tokens=60).choices[0]
        assert answer.message.tool_calls is None
        assert answer.message.content


def test_a_result_is_answered(client: openai.OpenAI) -> None:
    question = {"role": "user", "content": "What is the weather in Paris?"}
    first = ask(client, messages=[question], **ONE_CALL).choices[0].message
    result = {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "rain, 9 degrees"}
    for model in ("onnx/chat", "onnx/choosing"):
        answer = ask(client, messages=[question, first, result], model=model, tools=TOOLS)
        assert answer.choices[0].message.tool_calls is None
        assert answer.choices[0].message.content


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("What is the weather in Paris?", "get_weather"),
        ("Add the numbers 3 and 4", "add"),
        ("Tell me a joke", None),
    ],
)
def test_tools_are_chosen_by_similarity(client: openai.OpenAI, text: str, name: str | None) -> None:
    choice = ask(client, text, model="onnx/choosing", tools=TOOLS).choices[0]
    if name is None:
        assert choice.message.tool_calls is None
        assert choice.message.content
    else:
        assert [call.function.name for call in choice.message.tool_calls] == [name]
        assert choice.finish_reason == "tool_calls"


def deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "integer"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


FORMAT = "response_format.json_schema.schema"
PARAMETERS = "tools.0.function.parameters"


def tool(**function: Any) -> dict[str, Any]:
    return {"tools": [{"type": "function", "function": {"name": "f", **function}}]}


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"response_format": {"type": "nonsense"}}, "response_format.type"),
        ({"response_format": {}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"response_format": schema_format("x")}, FORMAT),
        ({"response_format": schema_format({"type": 5})}, FORMAT),
        (
            {"response_format": schema_format({"properties": {"a": {"items": {"not": {}}}}})},
            f"{FORMAT}.properties.a.items",
        ),
        ({"response_format": schema_format({"enum": [str(n) for n in range(10**5)]})}, FORMAT),
        ({"response_format": schema_format(deep(90))}, None),
        ({"response_format": schema_format({"$ref": "#"})}, FORMAT),
        ({"response_format": schema_format({"$ref": "https://example.com/a"})}, FORMAT),
        ({"extra_body": {"guided_regex": "("}}, "guided_regex"),
        ({"extra_body": {"guided_regex": 5}}, "guided_regex"),
        ({"extra_body": {"guided_choice": []}}, "guided_choice"),
        ({"extra_body": {"structured_outputs": {"yaml": 1}}}, "structured_outputs"),
        ({"extra_body": {"guided_regex": "a", "guided_json": {}}}, "guided_regex"),
        ({"tools": [], "tool_choice": "required"}, "tool_choice"),
        ({"tools": [WEATHER] * 129}, "tools"),
        ({"tools": [5]}, "tools.0"),
        ({"tools": [{"type": "function"}]}, "tools.0.function"),
        (tool(name="no spaces"), "tools.0.function.name"),
        (tool(name=""), "tools.0.function.name"),
        (tool(description=5), "tools.0.function.description"),
        (tool(parameters=[]), PARAMETERS),
        (tool(parameters={"type": "string"}), f"{PARAMETERS}.type"),
        (tool(parameters={"properties": {"a": {"not": {}}}}), f"{PARAMETERS}.properties.a"),
        ({"tools": [WEATHER, WEATHER]}, "tools.1.function.name"),
        ({"tools": [WEATHER], "tool_choice": "maybe"}, "tool_choice"),
        ({"tool_choice": "required"}, "tool_choice"),
        (
            {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "g"}}},
            "tool_choice.function.name",
        ),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}]},
            "messages.0.tool_calls.0.function.arguments",
        ),
    ],
)
def test_what_cannot_be_honoured_is_a_400(
    client: openai.OpenAI, options: dict[str, Any], param: str | None
) -> None:
    if param is None:
        ask(client, max_tokens=5, **options)
        return
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, max_tokens=5, **options)
    assert caught.value.param == param
    assert param in caught.value.message
    assert content(client, extra_body={"guided_choice": ["on"]}) == "on"


def test_a_text_that_becomes_too_complex_ends_alone(url: str) -> None:
    branches = [
        {"type": "object", "properties": {"a": {"type": "integer"}, f"b{n}": {"type": "string"}}}
        for n in range(600)
    ]

    async def run() -> None:
        async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
            options: Any = {
                "model": "onnx/chat",
                "messages": [{"role": "user", "content": "Hello"}],
                "max_tokens": 20,
                "temperature": 0,
            }
            good, bad = await asyncio.gather(
                client.chat.completions.create(**options),
                client.chat.completions.create(
                    **options, response_format=schema_format({"anyOf": branches})
                ),
                return_exceptions=True,
            )
            assert isinstance(bad, openai.BadRequestError)
            assert bad.code == "grammar_too_complex"
            assert good.choices[0].message.content

    asyncio.run(run())
