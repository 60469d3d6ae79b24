"""Log probabilities agree with the text that they are handed out with, and with the logits."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiler.models.onnx_decoder import OnnxDecoder
from hypothesis import given, settings
from hypothesis import strategies as st
from stackrt.engine.detokenize import Detokenizer
from stackrt.engine.language import ChatTemplate, LanguageEngine, LanguageModel
from stackrt.engine.logprobs import LEAST, PromptTranscript, TokenLogprobs, Transcript
from stackrt.engine.openai.answers import Choice, collect
from stackrt.engine.options import GenerationOptions
from stackrt.engine.sampling import InvalidLogitsError, SamplingParameters
from stackrt.engine.tokenizer import Tokenizer

VOCAB = 49152
# How far 8-bit activations bring apart what was computed in one piece and token by token.
NEAR = 0.3
TOKENS = st.lists(st.integers(0, VOCAB - 1), min_size=1, max_size=30)


@pytest.fixture(scope="module")
def tokenizer(language_folder: Path) -> Tokenizer:
    return Tokenizer(language_folder / "tokenizer.json")


@pytest.fixture(scope="module")
def engine(language_folder: Path, chat_template: ChatTemplate) -> Iterator[LanguageEngine]:
    model = LanguageModel(name="smollm2", path=language_folder, render=chat_template, slots=2)
    engine = model.load(threads=2, max_queue=64, device="cpu")
    asyncio.run(engine.open())
    yield engine
    asyncio.run(engine.close())


def rows(count: int) -> np.ndarray:
    return np.random.default_rng(count).normal(0, 3, (count, VOCAB)).astype(np.float32)


def logprob(logits: np.ndarray, token: int) -> float:
    exact = logits.astype(np.float64)
    return float(exact[token] - exact.max() - np.log(np.exp(exact - exact.max()).sum()))


def check(entries: Sequence[TokenLogprobs], top: int) -> None:
    """What holds for the tokens of any text: they follow each other, and the likeliest lead."""
    ends = [0, *(entry.end for entry in entries)]
    assert [entry.start for entry in entries] == ends[:-1]
    assert ends == sorted(ends)
    for entry in entries:
        found = [other.logprob for other in entry.top]
        assert found == sorted(found, reverse=True)
        assert len(found) == top
        assert not found or entry.chosen.logprob <= found[0] <= 0


@given(tokens=TOKENS, top=st.integers(0, 3), cuts=st.sets(st.integers(0, 29)))
@settings(deadline=None, max_examples=25)
def test_what_is_taken_bit_by_bit_is_the_whole(
    tokenizer: Tokenizer, tokens: list[int], top: int, cuts: set[int]
) -> None:
    detokenizer, transcript = Detokenizer(tokenizer), Transcript(tokenizer, top=top)
    taken: list[TokenLogprobs] = []
    text = waiting = ""
    for index, (token, logits) in enumerate(zip(tokens, rows(len(tokens)), strict=True)):
        piece = detokenizer.feed(token)
        transcript.add(token, logits, piece)
        text, waiting = text + piece, waiting + piece
        if index in cuts:
            taken += transcript.take(waiting, last=False, cut=False)
            waiting = ""
            assert not taken or taken[-1].end <= len(text)
    taken += transcript.take(waiting, last=True, cut=False)
    check(taken, top)
    assert [entry.chosen.spelling for entry in taken] == [tokenizer.spelling(t) for t in tokens]
    assert taken[-1].end == len(text)
    for entry, token, logits in zip(taken, tokens, rows(len(tokens)), strict=True):
        assert entry.chosen.logprob == pytest.approx(logprob(logits, token), abs=1e-4)
        assert [other.logprob for other in entry.top] == pytest.approx(
            sorted((logprob(logits, int(t)) for t in np.argsort(-logits)[:top]), reverse=True),
            abs=1e-4,
        )


@given(tokens=TOKENS, piece=st.integers(1, 30))
@settings(deadline=None, max_examples=25)
def test_any_pieces_of_a_prompt_give_the_same(
    tokenizer: Tokenizer, tokens: list[int], piece: int
) -> None:
    transcript = PromptTranscript(tokenizer, tokens, top=2)
    logits = rows(len(tokens))
    for start in range(0, len(tokens), piece):
        transcript.add(start, logits[start : start + piece])
        if start % 3 == 2:  # The prompt is computed anew.
            for again in range(0, start + piece, piece):
                transcript.add(again, logits[again : again + piece])
    first, *others = transcript.take()
    transcript.add(0, logits)
    assert transcript.take() == []
    assert (first.chosen.logprob, first.top) == (None, ())
    assert [entry.start for entry in others] == [entry.end for entry in [first, *others][:-1]]
    assert [entry.chosen.logprob for entry in others] == pytest.approx(
        [logprob(row, token) for row, token in zip(logits, tokens[1:], strict=False)], abs=1e-4
    )
    spelled = tokenizer.decode([*tokens, 198], special_tokens=True)
    assert spelled.startswith(spelled[: [first, *others][-1].end])
    assert [first, *others][-1].end <= len(spelled)


def test_the_text_of_a_prompt_has_the_names_of_special_tokens(tokenizer: Tokenizer) -> None:
    prompt = tokenizer.encode("<|im_start|>user\nhé", limit=20, special_tokens=False)
    transcript = PromptTranscript(tokenizer, prompt, top=0)
    transcript.add(0, rows(len(prompt)))
    entries = transcript.take()
    assert entries[0].chosen.text == "<|im_start|>"
    assert (entries[0].end, entries[-1].end) == (12, 19)


def test_what_cannot_be_has_a_number(tokenizer: Tokenizer) -> None:
    logits = np.full(VOCAB, -np.inf, np.float32)
    logits[5] = 1
    transcript = Transcript(tokenizer, top=3)
    transcript.add(7, logits, "x")
    (entry,) = transcript.take("x", last=True, cut=False)
    assert entry.chosen.logprob == LEAST
    assert [other.logprob for other in entry.top] == [0]


def test_a_prompt_whose_logits_are_no_numbers_is_refused(tokenizer: Tokenizer) -> None:
    logits = rows(2)
    logits[0, 9] = np.nan
    with pytest.raises(InvalidLogitsError):
        PromptTranscript(tokenizer, [1, 2, 3], top=0).add(0, logits)


def generate(engine: LanguageEngine, prompt: list[int], **options: Any) -> Choice:
    parameters = {"temperature": 0, **options.pop("sampling", {})}
    wanted = GenerationOptions(
        **{
            "sampling": SamplingParameters(**parameters),
            "n": 1,
            "max_tokens": 0,
            "stop": (),
            "logprobs": None,
            **options,
        }
    )

    async def run() -> Choice:
        return (await collect(engine.submit([prompt], wanted), count=1))[0]

    return asyncio.run(run())


def test_a_scored_prompt_has_the_probabilities_that_the_model_gives_it(
    engine: LanguageEngine, language_folder: Path
) -> None:
    prompt = engine.encode_text("The capital of France is Paris. The capital of Italy is Rome.")
    choice = generate(engine, prompt, prompt_logprobs=2)
    assert (choice.text, choice.tokens, choice.finish_reason) == ("", 0, "length")
    logits = OnnxDecoder(language_folder).logits(prompt)
    wanted = [logprob(row, token) for row, token in zip(logits, prompt[1:], strict=False)]
    found = [entry.chosen.logprob for entry in choice.prompt_logprobs]
    assert found == pytest.approx([None, *wanted], abs=NEAR)
    assert len(found) == len(prompt)


def test_a_prompt_that_is_cached_scores_as_before(engine: LanguageEngine) -> None:
    """Also one of several chunks, whose seams are not to be seen."""
    prompt = engine.encode_text("Ships sail home, one after the other. " * 40)
    generate(engine, prompt, max_tokens=2)
    scored = generate(engine, prompt, prompt_logprobs=1, max_tokens=2, logprobs=1)
    check(scored.logprobs, 1)
    assert scored == generate(engine, prompt, prompt_logprobs=1, max_tokens=2, logprobs=1)
    assert len(scored.prompt_logprobs) == len(prompt)
    # A text that repeats itself is expected.
    assert np.mean([entry.chosen.logprob for entry in scored.prompt_logprobs[-40:]]) > -0.5


def test_what_was_generated_scores_as_it_was_chosen(engine: LanguageEngine) -> None:
    """The probabilities of a text are the same whether it was written or is read."""
    prompt = engine.encode_text("Once upon a time")
    written = generate(engine, prompt, max_tokens=12, logprobs=0)
    spelled = b"".join(entry.chosen.spelling for entry in written.logprobs).decode()
    assert spelled == written.text
    text = engine.tokenizer.encode(written.text, limit=50, special_tokens=False)
    assert len(text) == written.tokens
    read = generate(engine, prompt + text, prompt_logprobs=0)
    assert [entry.chosen.logprob for entry in read.prompt_logprobs[len(prompt) :]] == (
        pytest.approx([entry.chosen.logprob for entry in written.logprobs], abs=NEAR)
    )
