"""The official `openai` package against everything of OpenAI's API that steers what is sampled."""

import itertools
import math
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types import Completion
from tokenizers import Tokenizer

CHAT = "onnx/smollm2-135m-instruct"
MESSAGES = [{"role": "user", "content": "Name a colour."}]
PROMPT = "One, two, three,"


@pytest.fixture(scope="module")
def client(starter: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{starter}/v1", api_key="none", max_retries=0)


@pytest.fixture(scope="module")
def tokenizer(built: dict[str, Path]) -> Tokenizer:
    (path,) = (path for path in built["starter"].rglob("tokenizer.json") if "smollm2" in str(path))
    return Tokenizer.from_file(str(path))


def chat(client: openai.OpenAI, **options: Any) -> Any:
    options = {"messages": MESSAGES, "max_tokens": 8, **options}
    return client.chat.completions.create(model=CHAT, **options)


def complete(client: openai.OpenAI, **options: Any) -> Any:
    options = {"prompt": PROMPT, "max_tokens": 8, "temperature": 0, **options}
    return client.completions.create(model=CHAT, **options)


def refused(call: Any, client: openai.OpenAI, **options: Any) -> openai.BadRequestError:
    with pytest.raises(openai.BadRequestError) as raised:
        call(client, **options)
    return raised.value


EXTENSIONS = [
    {"top_k": 1},
    {"min_p": 1},
    {"top_k": 40, "min_p": 0.05, "repetition_penalty": 1.1},
]


@pytest.mark.parametrize("extra", EXTENSIONS)
def test_extensions_are_taken(client: openai.OpenAI, extra: dict[str, Any]) -> None:
    texts = {
        chat(client, temperature=1, seed=seed, extra_body=extra).choices[0].message.content
        for seed in (1, 1, 2)
    }
    greedy = {chat(client, temperature=0).choices[0].message.content}
    assert len(texts) <= 2
    assert (texts == greedy) == (len(extra) == 1), "only the likeliest token is left by those"


def test_top_p_of_nothing_is_greedy(client: openai.OpenAI) -> None:
    greedy = complete(client).choices[0].text
    assert complete(client, temperature=2, top_p=0).choices[0].text == greedy


@pytest.mark.parametrize("penalty", ["frequency_penalty", "presence_penalty"])
def test_penalties_keep_a_text_from_going_round(client: openai.OpenAI, penalty: str) -> None:
    def repeated(**options: Any) -> int:
        answer = complete(client, prompt="a a a a a a a a", max_tokens=24, logprobs=0, **options)
        tokens = answer.choices[0].logprobs.tokens
        return len(tokens) - len(set(tokens))

    assert repeated() > repeated(**{penalty: 2})


def test_repetition_is_penalised_from_the_prompt_on(client: openai.OpenAI) -> None:
    plain = complete(client, prompt="red blue red blue red blue red", max_tokens=1)
    assert plain.choices[0].text == " blue"
    other = complete(
        client,
        prompt="red blue red blue red blue red",
        max_tokens=1,
        extra_body={"repetition_penalty": 100},
    )
    assert other.choices[0].text not in (" blue", " red", "red")


def test_a_bias_bans_and_forces(client: openai.OpenAI, tokenizer: Tokenizer) -> None:
    first = complete(client, max_tokens=1).choices[0]
    forced = complete(client, max_tokens=3, temperature=1, logit_bias={"28": 100}).choices[0]
    assert forced.text == ",,,"
    banned = tokenizer.encode(first.text).ids[0]
    other = complete(client, max_tokens=1, temperature=1, logit_bias={str(banned): -100}).choices[0]
    assert other.text != first.text


def test_seeds_reproduce_each_choice(client: openai.OpenAI) -> None:
    """Alone and beside other choices; each choice of a request is another text."""
    options: dict[str, Any] = {"temperature": 1, "seed": 3, "max_tokens": 6}
    three = [choice.text for choice in complete(client, n=3, **options).choices]
    assert three == [choice.text for choice in complete(client, n=3, **options).choices]
    assert three[0] == complete(client, **options).choices[0].text
    assert len(set(three)) == 3
    chats = [choice.message.content for choice in chat(client, n=3, **options).choices]
    assert chats == [choice.message.content for choice in chat(client, n=3, **options).choices]
    batch = complete(client, prompt=[PROMPT, "Once upon a time", PROMPT], **options)
    assert batch.choices[0].text == three[0]
    assert [choice.index for choice in batch.choices] == [0, 1, 2]


@pytest.mark.parametrize("stop", [" four", "our", [" xyz", " fi"], "four, five"])
def test_stop_strings_cut_wherever_tokens_end(client: openai.OpenAI, stop: Any) -> None:
    whole = complete(client).choices[0].text
    stopped = complete(client, stop=stop).choices[0]
    stops = [stop] if isinstance(stop, str) else stop
    assert stopped.text == whole[: min(whole.find(one) for one in stops if one in whole)]
    assert stopped.finish_reason == "stop"
    streamed = complete(client, stop=stop, stream=True)
    assert "".join(chunk.choices[0].text for chunk in streamed) == stopped.text


def test_a_special_token_stops_by_its_name(client: openai.OpenAI, tokenizer: Tokenizer) -> None:
    token = tokenizer.token_to_id("<file_sep>")
    forced = {"logit_bias": {str(token): 100}, "max_tokens": 3}
    assert complete(client, **forced).choices[0].finish_reason == "length"
    stopped = complete(client, stop=["<file_sep>"], **forced)
    assert stopped.choices[0].finish_reason == "stop"
    assert stopped.usage.completion_tokens == 0


@pytest.mark.parametrize("top", [None, 0, 3, 20])
def test_chat_logprobs(client: openai.OpenAI, top: int | None) -> None:
    options = {} if top is None else {"top_logprobs": top}
    choice = chat(client, temperature=1, seed=1, logprobs=True, **options).choices[0]
    spelled = b"".join(bytes(entry.bytes) for entry in choice.logprobs.content)
    assert spelled.decode() == choice.message.content
    for entry in choice.logprobs.content:
        assert len(entry.top_logprobs) == (top or 0)
        assert all(entry.logprob <= other.logprob for other in entry.top_logprobs[:1])
        assert sum(math.exp(other.logprob) for other in entry.top_logprobs) <= 1 + 1e-5


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
def test_both_names_limit_a_chat(client: openai.OpenAI, limit: str) -> None:
    answer = client.chat.completions.create(model=CHAT, messages=MESSAGES, **{limit: 2})
    assert answer.usage.completion_tokens == 2
    assert answer.choices[0].finish_reason == "length"


def consistent(answer: Completion, top: int) -> None:
    """Tokens and offsets of each choice are those of its text."""
    for choice in answer.choices:
        scores = choice.logprobs
        assert scores is not None
        assert "".join(scores.tokens) == choice.text
        offsets = itertools.accumulate(map(len, scores.tokens), initial=0)
        assert scores.text_offset == list(offsets)[:-1]
        for token, logprob, likeliest in zip(
            scores.tokens, scores.token_logprobs, scores.top_logprobs, strict=True
        ):
            if logprob is not None:
                assert likeliest[token] == logprob <= max(likeliest.values()) <= 0
                assert len(likeliest) in (top, top + 1, max(1, top))


@pytest.mark.parametrize("echo", [False, True])
def test_completion_logprobs(client: openai.OpenAI, echo: bool) -> None:
    answer = complete(
        client, prompt=[PROMPT, "Ships sail"], n=2, temperature=1, seed=2, logprobs=3, echo=echo
    )
    assert len(answer.choices) == 4
    consistent(answer, 3)
    for choice in answer.choices:
        first = choice.logprobs.token_logprobs[0]
        assert (first is None) == (choice.logprobs.top_logprobs[0] is None) == echo


def test_a_text_is_scored_without_generating(client: openai.OpenAI, tokenizer: Tokenizer) -> None:
    texts = ["The capital of France is Paris.", "The capital of France is purple."]
    answer = complete(client, prompt=texts, max_tokens=0, echo=True, logprobs=0)
    consistent(answer, 0)
    assert [choice.text for choice in answer.choices] == texts
    assert {choice.finish_reason for choice in answer.choices} == {"length"}
    assert answer.usage.completion_tokens == 0
    sums = [sum(choice.logprobs.token_logprobs[1:]) for choice in answer.choices]
    assert sums[0] > sums[1] + 2
    tokens = [tokenizer.encode(text).ids for text in texts]
    again = complete(client, prompt=tokens, max_tokens=0, echo=True, logprobs=0)
    assert again.choices == answer.choices


def test_a_prompt_with_special_tokens_is_echoed_as_it_is(client: openai.OpenAI) -> None:
    prompt = "<|im_start|>user\nhé 🦩<|im_end|>\n"
    answer = complete(client, prompt=prompt, max_tokens=2, echo=True, logprobs=1).choices[0]
    assert answer.text.startswith(prompt)
    offsets = answer.logprobs.text_offset
    assert offsets == sorted(offsets)
    assert answer.text[offsets[1] :].startswith("user")
    ending = answer.logprobs.tokens.index("<|im_end|>")
    assert answer.text[offsets[ending] :].startswith("<|im_end|>")


def test_a_stream_has_the_same_logprobs(client: openai.OpenAI) -> None:
    options: dict[str, Any] = {"prompt": [PROMPT, "A"], "echo": True, "logprobs": 2}
    whole = complete(client, **options)
    parts = list(complete(client, stream=True, stream_options={"include_usage": True}, **options))
    assert parts[-1].choices == []
    assert parts[-1].usage.total_tokens == whole.usage.total_tokens
    assert {part.usage for part in parts[:-1]} == {None}
    for wanted in whole.choices:
        found = [part.choices[0] for part in parts[:-1] if part.choices[0].index == wanted.index]
        assert "".join(choice.text for choice in found) == wanted.text
        assert [choice.finish_reason for choice in found if choice.finish_reason] == ["length"]
        for name in ("tokens", "text_offset", "token_logprobs"):
            joined = [item for choice in found for item in getattr(choice.logprobs, name)]
            assert joined == getattr(wanted.logprobs, name)


def test_the_best_of_several_is_the_likeliest_per_token(client: openai.OpenAI) -> None:
    options: dict[str, Any] = {
        "temperature": 1,
        "seed": 5,
        "max_tokens": 5,
        "prompt": [PROMPT, "A"],
    }
    several = complete(client, n=4, logprobs=0, **options)
    wanted = []
    for group in (several.choices[:4], several.choices[4:]):
        means = {
            choice.text: sum(choice.logprobs.token_logprobs) / len(choice.logprobs.tokens)
            for choice in group
        }
        wanted += sorted(means, key=lambda text: -means[text])[:2]
    best = complete(client, n=2, best_of=4, **options)
    assert [choice.text for choice in best.choices] == wanted
    assert [choice.index for choice in best.choices] == [0, 1, 2, 3]
    assert {choice.logprobs for choice in best.choices} == {None}
    assert best.usage.completion_tokens == several.usage.completion_tokens
    assert best.usage.prompt_tokens == several.usage.prompt_tokens


def test_sixteen_tokens_if_nothing_is_said(client: openai.OpenAI) -> None:
    answer = client.completions.create(model=CHAT, prompt=PROMPT, logit_bias={"28": 100})
    assert answer.usage.completion_tokens == 16


def test_a_cached_prompt_is_reported(client: openai.OpenAI) -> None:
    prompt = "A long sentence about ships that sail home one after the other. " * 4
    complete(client, prompt=prompt, max_tokens=1)
    usage = complete(client, prompt=prompt, max_tokens=1).usage
    assert 0 < usage.prompt_tokens_details.cached_tokens < usage.prompt_tokens


@pytest.mark.parametrize(
    ("call", "param", "options"),
    [
        (chat, "temperature", {"temperature": 2.1}),
        (chat, "top_p", {"top_p": 1.1}),
        (chat, "repetition_penalty", {"extra_body": {"repetition_penalty": 0}}),
        (chat, "top_logprobs", {"logprobs": True, "top_logprobs": 21}),
        (chat, "top_logprobs", {"top_logprobs": 2}),
        (chat, "stop", {"stop": ["a", "b", "c", "d", "e"]}),
        (chat, "logit_bias", {"logit_bias": {"999999": 1}}),
        (chat, "logit_bias.5", {"logit_bias": {"5": 101}}),
        (complete, "logprobs", {"logprobs": 6}),
        (complete, "best_of", {"best_of": 1, "n": 2}),
        (complete, "best_of", {"best_of": 21}),
        (complete, "best_of", {"best_of": 2, "stream": True}),
        (complete, "suffix", {"suffix": "the end"}),
        (complete, "stream_options", {"stream_options": {"include_usage": True}}),
        (complete, "max_tokens", {"max_tokens": -1}),
        (complete, "n", {"n": 65, "prompt": ["a", "b"]}),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    client: openai.OpenAI, call: Any, param: str, options: dict[str, Any]
) -> None:
    error = refused(call, client, **options)
    assert error.param == param
    assert error.type == "invalid_request_error"
