"""The embedded engine under OpenAI's protocol, judged by the official client's own types."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from openai.types import Completion, CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from stackrt.apis.models import Model
from stackrt.engine.embedding import EmbeddingModel
from stackrt.engine.language import ChatTemplate, LanguageModel
from stackrt.engine.template_limits import TemplateError
from stackrt.engine.tokenizer import Tokenizer
from stackrt.errors import ApiError
from stackrt.providers.inference.onnx import Onnx

LANGUAGE = Model(
    identifier="onnx/smollm2", provider_id="onnx", provider_resource_id="smollm2", model_type="llm"
)
EMBEDDING = Model(
    identifier="onnx/minilm",
    provider_id="onnx",
    provider_resource_id="minilm",
    model_type="embedding",
)
HELLO = [{"role": "user", "content": "Hello"}]
# Keeps the model from ending a text by itself.
ENDLESS = {"0": -100, "2": -100}


@pytest.fixture(scope="module")
def onnx(
    language_folder: Path, embedding_folder: Path, chat_template: ChatTemplate
) -> Iterator[Onnx]:
    provider = Onnx(
        models=[
            LanguageModel(name="smollm2", path=language_folder, render=chat_template, slots=2),
            EmbeddingModel(name="minilm", path=embedding_folder),
        ]
    )
    asyncio.run(provider.open())
    yield provider
    asyncio.run(provider.close())


@pytest.fixture(scope="module")
def tokenizer(language_folder: Path) -> Tokenizer:
    return Tokenizer(language_folder / "tokenizer.json")


def body(fields: dict[str, Any]) -> Any:
    """A request as the endpoint hands it over."""
    return {"model": "onnx/smollm2", **fields}


def chat(onnx: Onnx, **fields: Any) -> ChatCompletion:
    fields = {"messages": HELLO, "temperature": 0, "max_tokens": 8, **fields}
    return ChatCompletion.model_validate_json(
        asyncio.run(onnx.chat_completion(LANGUAGE, body(fields)))
    )


def complete(onnx: Onnx, **fields: Any) -> Completion:
    fields = {"prompt": "Once upon a time", "temperature": 0, "max_tokens": 8, **fields}
    return Completion.model_validate_json(asyncio.run(onnx.completion(LANGUAGE, body(fields))))


async def events(frames: AsyncIterator[bytes]) -> list[dict[str, Any]]:
    found = []
    async for frame in frames:
        assert frame.startswith(b"data: ")
        assert frame.endswith(b"\n\n")
        found.append(json.loads(frame[6:]))
    return found


def stream_chat(onnx: Onnx, **fields: Any) -> list[dict[str, Any]]:
    fields = {"messages": HELLO, "temperature": 0, "max_tokens": 8, "stream": True, **fields}

    async def run() -> list[dict[str, Any]]:
        return await events(await onnx.stream_chat_completion(LANGUAGE, body(fields)))

    return asyncio.run(run())


def stream_complete(onnx: Onnx, **fields: Any) -> list[dict[str, Any]]:
    fields = {"prompt": "Once", "temperature": 0, "max_tokens": 8, "stream": True, **fields}

    async def run() -> list[dict[str, Any]]:
        return await events(await onnx.stream_completion(LANGUAGE, body(fields)))

    return asyncio.run(run())


def embed(onnx: Onnx, given: Any, **fields: Any) -> CreateEmbeddingResponse:
    answer = asyncio.run(onnx.embeddings(EMBEDDING, body({"input": given, **fields})))
    return CreateEmbeddingResponse.model_validate_json(answer)


def vectors(response: CreateEmbeddingResponse) -> NDArray[np.float64]:
    assert [each.index for each in response.data] == list(range(len(response.data)))
    return np.array([each.embedding for each in response.data])


def refusal(onnx: Onnx, method: str = "chat_completion", **fields: Any) -> ApiError:
    model = EMBEDDING if method == "embeddings" else LANGUAGE
    defaults: Any = {
        "chat_completion": {"messages": HELLO},
        "completion": {"prompt": "Hello"},
        "embeddings": {"input": "Hello"},
    }[method]
    with pytest.raises(ApiError) as caught:
        asyncio.run(getattr(onnx, method)(model, body({**defaults, "max_tokens": 2} | fields)))
    return caught.value


# Chat completions


def test_a_chat_completion_has_openais_shape(onnx: Onnx, tokenizer: Tokenizer) -> None:
    answer = chat(onnx, logit_bias=ENDLESS)
    [choice] = answer.choices
    assert answer.id.startswith("chatcmpl-")
    assert (answer.object, answer.model) == ("chat.completion", "onnx/smollm2")
    assert (choice.index, choice.message.role, choice.finish_reason) == (0, "assistant", "length")
    assert choice.message.content
    prompt = "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"
    usage = answer.usage
    assert usage is not None
    assert usage.prompt_tokens == len(tokenizer.encode(prompt, limit=99, special_tokens=False))
    assert usage.completion_tokens == 8
    assert usage.total_tokens == usage.prompt_tokens + 8


def test_a_text_that_ends_by_itself_stops(onnx: Onnx) -> None:
    answer = chat(onnx, logit_bias={"2": 100})
    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].message.content == ""
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 0


def test_a_stream_says_role_text_reason_usage(onnx: Onnx) -> None:
    whole = chat(onnx, logit_bias=ENDLESS)
    chunks = stream_chat(onnx, logit_bias=ENDLESS, stream_options={"include_usage": True})
    for chunk in chunks:
        ChatCompletionChunk.model_validate(chunk)
    first, *middle, last, usage = chunks
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    text = "".join(chunk["choices"][0]["delta"]["content"] for chunk in middle)
    assert text == whole.choices[0].message.content
    assert all(chunk["choices"][0]["finish_reason"] is None for chunk in (first, *middle))
    assert last["choices"][0]["delta"] == {}
    assert last["choices"][0]["finish_reason"] == "length"
    assert all(chunk["usage"] is None for chunk in (first, *middle, last))
    assert usage["choices"] == []
    assert usage["usage"] == json.loads(cast(Any, whole.usage).model_dump_json(exclude_unset=True))
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}) == 1


def test_a_stream_without_usage_does_not_mention_it(onnx: Onnx) -> None:
    assert not any("usage" in chunk for chunk in stream_chat(onnx))


def test_streamed_characters_are_whole(onnx: Onnx, tokenizer: Tokenizer) -> None:
    """The model may choose nothing but parts of characters, in any order."""
    parts = tokenizer.encode("🦩", limit=9, special_tokens=False)
    assert len(parts) > 1
    fields = {"logit_bias": dict.fromkeys(map(str, parts), 100), "logprobs": True, "max_tokens": 60}
    chunks = stream_chat(onnx, temperature=2, seed=3, **fields)[1:-1]
    choices = [chunk["choices"][0] for chunk in chunks]
    text = "".join(choice["delta"]["content"] for choice in choices)
    entries = [entry for choice in choices for entry in choice["logprobs"]["content"]]
    spelled = b"".join(bytes(entry["bytes"]) for entry in entries).decode(errors="replace")
    assert len(entries) == 60
    assert "🦩" in text
    # A character that is unfinished at the end does not appear.
    assert spelled.removesuffix("\ufffd") == text.removesuffix("\ufffd")


def test_parts_and_developer_messages_read_as_plain_ones(onnx: Onnx) -> None:
    parts = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "user", "content": "c"},
    ]
    plain = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "a\nb"},
        {"role": "assistant", "content": ""},
        {"role": "user", "content": "c"},
    ]
    one, other = chat(onnx, messages=parts), chat(onnx, messages=plain)
    assert one.choices[0].message.content == other.choices[0].message.content
    assert cast(Any, one.usage).prompt_tokens == cast(Any, other.usage).prompt_tokens


def test_several_choices(onnx: Onnx) -> None:
    fields = {"n": 3, "temperature": 1, "seed": 4, "logit_bias": ENDLESS}
    answer = chat(onnx, **fields)
    texts = [choice.message.content for choice in answer.choices]
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert len(set(texts)) == 3
    assert cast(Any, answer.usage).completion_tokens == 24
    streamed = ["", "", ""]
    for chunk in stream_chat(onnx, **fields):
        [choice] = chunk["choices"]
        streamed[choice["index"]] += choice["delta"].get("content", "")
    assert streamed == texts


def test_log_probabilities_of_a_chat(onnx: Onnx) -> None:
    fields = {"logprobs": True, "top_logprobs": 3, "logit_bias": ENDLESS}
    [choice] = chat(onnx, **fields).choices
    entries = cast(Any, choice.logprobs).content
    assert "".join(entry.token for entry in entries) == choice.message.content
    assert b"".join(bytes(entry.bytes) for entry in entries).decode() == choice.message.content
    for entry in entries:
        assert [other.logprob for other in entry.top_logprobs] == sorted(
            (other.logprob for other in entry.top_logprobs), reverse=True
        )
        assert entry.logprob <= 0
        assert entry.logprob <= entry.top_logprobs[0].logprob
    streamed = [
        entry
        for chunk in stream_chat(onnx, **fields)
        for entry in (chunk["choices"][0]["logprobs"] or {"content": []})["content"]
    ]
    assert [entry["token"] for entry in streamed] == [entry.token for entry in entries]


def test_log_probabilities_end_with_the_text_that_a_stop_string_cuts(onnx: Onnx) -> None:
    text = cast(str, chat(onnx, logit_bias=ENDLESS, max_tokens=12).choices[0].message.content)
    [choice] = chat(
        onnx, logit_bias=ENDLESS, max_tokens=12, logprobs=True, stop=text[10:14]
    ).choices
    tokens = "".join(entry.token for entry in cast(Any, choice.logprobs).content)
    assert text.startswith(tokens)
    assert tokens.startswith(cast(str, choice.message.content))
    last = cast(Any, choice.logprobs).content[-1].token
    assert len(tokens) - len(last) < len(cast(str, choice.message.content))


def test_bias_and_penalties_reach_the_model(onnx: Onnx, tokenizer: Tokenizer) -> None:
    [dog] = tokenizer.encode(" dog", limit=1, special_tokens=False)
    assert (
        complete(onnx, logit_bias={str(dog): 100}, max_tokens=3).choices[0].text == " dog dog dog"
    )
    free = complete(onnx, logit_bias={str(dog): 100}, frequency_penalty=2, max_tokens=80)
    assert free.choices[0].text.count(" dog") in range(1, 75)


@pytest.mark.parametrize(
    "fields",
    [
        {"user": "me", "metadata": {"a": "b"}, "store": True, "service_tier": "auto"},
        {"parallel_tool_calls": True, "prompt_cache_key": "k", "safety_identifier": "s"},
        {"tools": [], "tool_choice": "auto"},
        {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "none"},
        {"response_format": {"type": "text"}, "modalities": ["text"]},
        {"stop": None, "seed": None, "audio": None, "logit_bias": {}, "stream": False},
        {"max_tokens": None, "max_completion_tokens": 8},
        {"max_tokens": 3, "max_completion_tokens": 8},
    ],
)
def test_fields_that_change_nothing_are_taken(onnx: Onnx, fields: dict[str, Any]) -> None:
    content = chat(onnx, **fields).choices[0].message.content
    assert content == chat(onnx).choices[0].message.content


@pytest.mark.parametrize(
    ("status", "param", "fields"),
    [
        (501, "tools.0.type", {"tools": [{"type": "custom", "custom": {"name": "f"}}]}),
        (400, "tool_choice", {"tool_choice": "required"}),
        (501, "functions", {"functions": [{"name": "f"}]}),
        (400, "response_format.type", {"response_format": {"type": "xml"}}),
        (501, "modalities", {"modalities": ["text", "audio"]}),
        (501, "audio", {"audio": {"voice": "alloy"}}),
        (501, "reasoning_effort", {"reasoning_effort": "high"}),
        (400, "temprature", {"temprature": 1}),
        (400, "temperature", {"temperature": 2.5}),
        (400, "temperature", {"temperature": -0.1}),
        (400, "top_p", {"top_p": 1.1}),
        (400, "top_k", {"top_k": -1}),
        (400, "top_k", {"top_k": 1.5}),
        (400, "min_p", {"min_p": "0.1"}),
        (400, "frequency_penalty", {"frequency_penalty": 3}),
        (400, "presence_penalty", {"presence_penalty": -3}),
        (400, "n", {"n": 0}),
        (400, "n", {"n": 129}),
        (400, "max_tokens", {"max_tokens": 0}),
        (400, "max_completion_tokens", {"max_completion_tokens": 0}),
        (400, "seed", {"seed": 2**70}),
        (400, "stop", {"stop": ""}),
        (400, "stop", {"stop": ["a", ""]}),
        (400, "stop", {"stop": ["a"] * 5}),
        (400, "logit_bias", {"logit_bias": {"hello": 1}}),
        (400, "logit_bias", {"logit_bias": {"49152": 1}}),
        (400, "logit_bias", {"logit_bias": {"-1": 1}}),
        (400, "logit_bias.5", {"logit_bias": {"5": 101}}),
        (400, "logprobs", {"logprobs": 3}),
        (400, "top_logprobs", {"top_logprobs": 2}),
        (400, "top_logprobs", {"logprobs": True, "top_logprobs": 21}),
        (400, "stream_options", {"stream_options": {"include_usage": True}}),
        (400, "messages", {"messages": []}),
        (400, "messages.0.role", {"messages": [{"role": "robot", "content": "a"}]}),
        (400, "messages.0.content", {"messages": [{"role": "user", "content": None}]}),
        (
            501,
            "messages.0.content.0",
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
        ),
        (
            400,
            "messages.0.content.0",
            {"messages": [{"role": "user", "content": [{"type": "text", "text": 3}]}]},
        ),
        (400, "messages.0.content.0", {"messages": [{"role": "user", "content": [{}]}]}),
    ],
)
def test_refusals_of_chats_name_the_field(
    onnx: Onnx, status: int, param: str, fields: dict[str, Any]
) -> None:
    error = refusal(onnx, **fields)
    assert (error.status, error.param) == (status, param)
    assert param.split(".")[0] in error.message
    if status == 501:
        assert error.code == "unsupported"
        assert "inline::onnx" in error.message


def test_refusals_of_streams_come_before_the_first_byte(onnx: Onnx) -> None:
    fields = body({"messages": [], "stream": True})
    with pytest.raises(ApiError):
        asyncio.run(onnx.stream_chat_completion(LANGUAGE, fields))


def test_a_template_that_refuses_a_chat_is_the_clients_error(language_folder: Path) -> None:
    def refuse(messages: Any, *, tools: Any, add_generation_prompt: bool) -> str:
        raise TemplateError("roles must alternate")

    model = LanguageModel(name="smollm2", path=language_folder, render=refuse, slots=1)
    error = refusal(Onnx(models=[model]))
    assert (error.status, error.param) == (400, "messages")
    assert "roles must alternate" in error.message


@pytest.mark.parametrize("size", [7_000, 10_000_000])
def test_a_chat_beyond_the_context_is_refused(onnx: Onnx, size: int) -> None:
    content = "hello " * (size // 6)
    error = refusal(onnx, messages=[{"role": "user", "content": content}], max_tokens=None)
    assert (error.status, error.code, error.param) == (400, "context_length_exceeded", "messages")
    assert "maximum context length is 512 tokens" in error.message


# Completions


def test_a_completion_has_openais_shape(onnx: Onnx) -> None:
    answer = complete(onnx, max_tokens=None)
    [choice] = answer.choices
    assert answer.id.startswith("cmpl-")
    assert (answer.object, answer.model) == ("text_completion", "onnx/smollm2")
    assert (choice.index, choice.finish_reason) == (0, "length")
    assert cast(Any, answer.usage).completion_tokens == 16
    assert cast(Any, answer.usage).prompt_tokens == 4


def test_prompts_as_text_and_as_tokens_are_one(onnx: Onnx, tokenizer: Tokenizer) -> None:
    texts = ["Once upon a time", "The sky is"]
    tokens = [tokenizer.encode(text, limit=9, special_tokens=False) for text in texts]
    wanted = [complete(onnx, prompt=text).choices[0].text for text in texts]
    for prompt in (texts, tokens):
        answer = complete(onnx, prompt=prompt)
        assert [choice.text for choice in answer.choices] == wanted
        assert [choice.index for choice in answer.choices] == [0, 1]
    assert complete(onnx, prompt=tokens[0]).choices[0].text == wanted[0]


def test_choices_are_in_the_order_of_the_prompts(onnx: Onnx) -> None:
    answer = complete(onnx, prompt=["One", "Two"], n=2, echo=True, temperature=1, best_of=2)
    assert [choice.text[:3] for choice in answer.choices] == ["One", "One", "Two", "Two"]
    assert cast(Any, answer.usage).prompt_tokens == 2
    chunks = stream_complete(onnx, prompt=["One", "Two"], n=2, echo=True)
    texts = [""] * 4
    for chunk in chunks:
        texts[chunk["choices"][0]["index"]] += chunk["choices"][0]["text"]
    assert [text[:3] for text in texts] == ["One", "One", "Two", "Two"]


def test_an_echo_of_tokens_is_their_text(onnx: Onnx, tokenizer: Tokenizer) -> None:
    tokens = tokenizer.encode("Grüße, 日本", limit=20, special_tokens=False)
    assert complete(onnx, prompt=tokens, echo=True).choices[0].text.startswith("Grüße, 日本")


def test_a_streamed_completion_is_the_whole_one(onnx: Onnx) -> None:
    whole = complete(onnx, prompt="Once")
    chunks = stream_complete(onnx, stream_options={"include_usage": True})
    assert "".join(each["choices"][0]["text"] for each in chunks[:-1]) == whole.choices[0].text
    assert [each["choices"][0]["finish_reason"] for each in chunks[:-1]][-1] == "length"
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == 8


def test_log_probabilities_of_a_completion(onnx: Onnx) -> None:
    [choice] = complete(onnx, logprobs=2).choices
    logprobs = cast(Any, choice.logprobs)
    assert "".join(logprobs.tokens) == choice.text
    assert logprobs.text_offset == [
        len("".join(logprobs.tokens[:index])) for index in range(len(logprobs.tokens))
    ]
    for token, value, top in zip(
        logprobs.tokens, logprobs.token_logprobs, logprobs.top_logprobs, strict=True
    ):
        assert top[token] == value == max(top.values())  # greedy
        assert len(top) == 2


def test_an_empty_prompt_starts_anywhere(onnx: Onnx) -> None:
    answer = complete(onnx, prompt="")
    assert answer.choices[0].text
    assert cast(Any, answer.usage).prompt_tokens == 1


@pytest.mark.parametrize(
    ("status", "param", "fields"),
    [
        (400, "suffix", {"suffix": "the end"}),
        (400, "best_of", {"best_of": 2, "stream": True}),
        (400, "best_of", {"best_of": 1, "n": 2}),
        (400, "suffix", {"suffix": "end", "logprobs": 1, "echo": True}),
        (400, "logprobs", {"logprobs": 6}),
        (400, "prompt", {"prompt": []}),
        (400, "prompt", {"prompt": [[]]}),
        (400, "prompt", {"prompt": [49152]}),
        (400, "prompt", {"prompt": [[-1]]}),
        (400, "prompt", {"prompt": ["a"] * 129}),
        (400, "n", {"prompt": ["a"] * 2, "n": 65}),
        (400, "tools", {"tools": []}),
    ],
)
def test_refusals_of_completions_name_the_field(
    onnx: Onnx, status: int, param: str, fields: dict[str, Any]
) -> None:
    error = refusal(onnx, "completion", **fields)
    assert (error.status, error.param) == (status, param)


@pytest.mark.parametrize("prompt", ["hello " * 512, [5] * 512, ["a", "hello " * 99_999]])
def test_a_prompt_beyond_the_context_is_refused(onnx: Onnx, prompt: Any) -> None:
    error = refusal(onnx, "completion", prompt=prompt)
    assert (error.status, error.code, error.param) == (400, "context_length_exceeded", "prompt")


# Embeddings


SENTENCES = [
    "The cat sleeps on the sofa.",
    "A kitten naps on the couch.",
    "Interest rates rose by half a percent.",
    "The central bank raised its rate.",
    "日本の首都は東京です。",
    "x",
]


def test_embeddings_have_openais_shape(onnx: Onnx) -> None:
    answer = embed(onnx, ["hello", "world"])
    assert (answer.object, answer.model) == ("list", "onnx/minilm")
    assert [each.object for each in answer.data] == ["embedding"] * 2
    assert vectors(answer).shape == (2, 384)
    assert (answer.usage.prompt_tokens, answer.usage.total_tokens) == (6, 6)
    assert np.linalg.norm(vectors(answer), axis=1) == pytest.approx(1, abs=1e-5)


def test_a_batch_gives_the_vectors_of_its_members(onnx: Onnx) -> None:
    """Also when it is so large, and of such different lengths, that it runs in several parts."""
    texts = [f"{sentence} " * (1 + index % 7) for index, sentence in enumerate(SENTENCES * 8)]
    together = vectors(embed(onnx, texts))
    alone = np.concatenate([vectors(embed(onnx, text)) for text in texts])
    assert np.abs(together - alone).max() < 1e-5


def test_related_sentences_are_near(onnx: Onnx) -> None:
    found = vectors(embed(onnx, SENTENCES[:4]))
    near = found @ found.T
    assert min(near[0, 1], near[2, 3]) > 0.5
    assert near[:2, 2:].max() < 0.2


def test_base64_is_the_same_float32(onnx: Onnx) -> None:
    floats = vectors(embed(onnx, SENTENCES)).astype(np.float32)
    answer = json.loads(
        asyncio.run(
            onnx.embeddings(EMBEDDING, body({"input": SENTENCES, "encoding_format": "base64"}))
        )
    )
    raw = [base64.b64decode(each["embedding"]) for each in answer["data"]]
    assert (np.array([np.frombuffer(each, "<f4") for each in raw]) == floats).all()


def test_fewer_dimensions_are_the_first_ones_at_unit_length(onnx: Onnx) -> None:
    whole = vectors(embed(onnx, SENTENCES))
    short = vectors(embed(onnx, SENTENCES, dimensions=64))
    wanted = whole[:, :64] / np.linalg.norm(whole[:, :64], axis=1, keepdims=True)
    assert short == pytest.approx(wanted, abs=1e-6)
    assert (vectors(embed(onnx, SENTENCES, dimensions=384)) == whole).all()


def test_tokens_are_embedded_as_they_are(onnx: Onnx) -> None:
    """[CLS] hello [SEP]"""
    assert (vectors(embed(onnx, [101, 7592, 102])) == vectors(embed(onnx, "hello"))).all()
    several = embed(onnx, [[101, 7592, 102], [101, 2088, 102]])
    assert vectors(several) == pytest.approx(vectors(embed(onnx, ["hello", "world"])), abs=1e-6)


@pytest.mark.parametrize(
    ("param", "fields"),
    [
        ("input", {"input": ""}),
        ("input", {"input": []}),
        ("input", {"input": ["a", ""]}),
        ("input", {"input": [[]]}),
        ("input", {"input": [30522]}),
        ("input", {"input": [[101, -1]]}),
        ("input", {"input": ["a"] * 2049}),
        ("dimensions", {"dimensions": 0}),
        ("dimensions", {"dimensions": 385}),
        ("encoding_format", {"encoding_format": "int8"}),
        ("truncate", {"truncate": True}),
    ],
)
def test_refusals_of_embeddings_name_the_field(
    onnx: Onnx, param: str, fields: dict[str, Any]
) -> None:
    error = refusal(onnx, "embeddings", **{"max_tokens": None, **fields})
    assert (error.status, error.param) == (400, param)


@pytest.mark.parametrize("given", ["word " * 255, ["a", "word " * 2_000_000], [101] * 257])
def test_an_input_beyond_the_model_is_refused(onnx: Onnx, given: Any) -> None:
    error = refusal(onnx, "embeddings", input=given, max_tokens=None)
    assert (error.status, error.code, error.param) == (400, "context_length_exceeded", "input")
    assert "maximum context length is 256 tokens" in error.message


def test_the_longest_input_is_taken(onnx: Onnx) -> None:
    assert embed(onnx, "word " * 254).usage.prompt_tokens == 256


def test_too_many_requests_at_once_are_refused(embedding_folder: Path) -> None:
    async def run() -> list[bytes | BaseException]:
        onnx = Onnx(models=[EmbeddingModel(name="minilm", path=embedding_folder)], max_queue=2)
        request = body({"input": SENTENCES})
        calls = [onnx.embeddings(EMBEDDING, request) for _ in range(8)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        answers.append(await onnx.embeddings(EMBEDDING, request))
        await onnx.close()
        return answers

    *crowd, last = asyncio.run(run())
    refused = [each for each in crowd if isinstance(each, ApiError)]
    assert [each.status for each in refused] == [429] * 5
    assert isinstance(last, bytes)


def test_cancelled_embeddings_free_the_model(onnx: Onnx) -> None:
    async def run() -> None:
        request = body({"input": ["word " * 200] * 500})
        tasks = [asyncio.create_task(onnx.embeddings(EMBEDDING, request)) for _ in range(3)]
        await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(each, asyncio.CancelledError) for each in outcomes)
        await onnx.embeddings(EMBEDDING, body({"input": "hello"}))

    asyncio.run(run())


# The provider


def test_only_declared_models_are_served(onnx: Onnx) -> None:
    assert onnx.open_models is False
    assert asyncio.run(onnx.list_models()) == ()
    with pytest.raises(ApiError) as caught:
        asyncio.run(onnx.chat_completion(EMBEDDING, body({"messages": HELLO})))
    assert (caught.value.status, caught.value.param) == (404, "model")


def test_health_says_whether_the_models_run(onnx: Onnx) -> None:
    async def run() -> None:
        health = await onnx.health()
        assert health["status"] == "OK"
        assert health["metrics"]["smollm2"]["slots"] == 2
        await onnx.close()
        assert (await onnx.health())["status"] == "Error"
        await onnx.open()
        assert (await onnx.health())["status"] == "OK"

    asyncio.run(run())
