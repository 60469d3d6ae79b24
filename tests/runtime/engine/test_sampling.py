"""Sampling against straightforward references, on logits that hypothesis makes up."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from stackrt.engine.sampling import (
    Floats,
    InvalidLogitsError,
    LogitBias,
    Penalties,
    Sampler,
    SamplingParameters,
    draw,
    fall,
    likeliest,
    log_total,
    nucleus,
    truncate,
)
from transformers import RepetitionPenaltyLogitsProcessor

VOCAB = 24
LOGITS = arrays(np.float32, VOCAB, elements=st.floats(-20, 20, width=32))
# Distinct logits, so that which token is likelier than which has one answer.
DISTINCT = st.permutations(range(VOCAB)).map(lambda order: np.array(order, np.float32) / 3)


def softmax(logits: Floats) -> Floats:
    return np.exp(logits - np.float32(log_total(logits)))


def large(spread: float, size: int = 49_152) -> Floats:
    return np.random.default_rng(5).normal(0, spread, size).astype(np.float32)


def reference(
    logits: NDArray[np.floating], temperature: float, top_k: int, top_p: float, min_p: float
) -> dict[int, float]:
    """The distribution by the definitions, token by token in descending order."""
    weights = np.exp((logits.astype(np.float64) - float(logits.max())) / temperature)
    order = sorted(range(len(logits)), key=lambda token: -weights[token])
    if top_k:
        order = order[:top_k]
    total = sum(weights[token] for token in order)
    kept: dict[int, float] = {}
    for token in order:
        if kept and top_p < 1 and sum(kept.values()) >= top_p:
            break
        kept[token] = weights[token] / total
    best = max(kept.values())
    kept = {token: value for token, value in kept.items() if value >= min_p * best}
    return {token: value / sum(kept.values()) for token, value in kept.items()}


def distribution(logits: Floats, **truncation: Any) -> dict[int, float]:
    ids, weights = truncate(logits, **truncation)
    shares = zip(ids.tolist(), (weights / weights.sum()).tolist(), strict=True)
    return {token: share for token, share in shares if share}


@given(
    DISTINCT,
    st.floats(0.1, 2),
    st.integers(0, VOCAB - 1),
    st.floats(0, 0.999),
    st.one_of(st.just(0.0), st.floats(0.01, 0.9)),
)
def test_distribution_follows_the_definitions(
    logits: Floats, temperature: float, top_k: int, top_p: float, min_p: float
) -> None:
    # A hair away from the bounds, as float32 and float64 may disagree on what is exactly there.
    near = [reference(logits, temperature, top_k, top_p * slack, min_p) for slack in (0.9999, 1)]
    near += [
        reference(logits, temperature, top_k, top_p, min_p * slack) for slack in (0.9999, 1.0001)
    ]
    got = distribution(logits, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    wanted = next((each for each in near if each.keys() == got.keys()), near[1])
    assert got == pytest.approx(wanted, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("spread", [0.0, 0.1, 2.0, 8.0])
@pytest.mark.parametrize("top_p", [0.0, 0.05, 0.5, 0.95, 0.9999])
def test_a_large_vocabulary_is_truncated_exactly(spread: float, top_p: float) -> None:
    """Against sorting all of it: whatever is left out early is left out by the definition."""
    logits = large(spread)
    weights = np.exp((logits - logits.max()).astype(np.float64) / 0.7)
    order = np.argsort(-weights, kind="stable")
    size = int(np.searchsorted(np.cumsum(weights[order]), top_p * weights.sum())) + 1
    kept = distribution(logits, temperature=0.7, top_k=0, top_p=top_p, min_p=0)
    assert len(kept) == pytest.approx(size, rel=1e-4)
    assert set(order[: int(size * 0.999)].tolist()) <= kept.keys()
    assert kept.keys() <= set(order[: int(size * 1.001) + 1].tolist())


@given(LOGITS, st.floats(0, 1))
def test_nucleus_is_the_smallest_set_of_that_mass(logits: Floats, mass: float) -> None:
    probabilities = softmax(logits)
    kept = nucleus(probabilities, mass)
    assert set(kept) <= {0, *probabilities}
    kept = kept[kept > 0]
    assert len(kept) >= 1
    assert sorted(kept)[::-1] == sorted(probabilities)[::-1][: len(kept)]
    assert kept.sum(dtype=np.float64) >= min(mass, probabilities.sum(dtype=np.float64)) - 1e-6
    assert len(kept) == 1 or kept.sum(dtype=np.float64) - kept.min() < mass + 1e-9


def test_nucleus_of_equal_probabilities_takes_the_first() -> None:
    probabilities = np.full(49152, 1 / 49152, np.float32)
    assert np.flatnonzero(nucleus(probabilities, 0.0)).tolist() == [0]
    assert np.flatnonzero(nucleus(probabilities, 0.5)).tolist() == list(range(49152 // 2))


PENALTY = st.floats(-2, 2)


@given(
    LOGITS,
    st.lists(st.integers(0, VOCAB - 1), max_size=9),
    st.lists(st.integers(0, VOCAB - 1), max_size=40),
    PENALTY,
    PENALTY,
    st.floats(0.01, 100),
)
def test_penalties_follow_the_formulas(
    logits: Floats,
    prompt: list[int],
    chosen: list[int],
    frequency: float,
    presence: float,
    repetition: float,
) -> None:
    penalties = Penalties(
        vocab_size=VOCAB,
        prompt=prompt,
        frequency=frequency,
        presence=presence,
        repetition=repetition,
    )
    for token in chosen:
        penalties.count(token)
    before = logits.copy()
    penalized = penalties.taken_from(logits)
    assert (logits == before).all()
    for token in range(VOCAB):
        count, wanted = chosen.count(token), float(logits[token])
        if token in prompt or token in chosen:
            wanted = wanted / repetition if wanted > 0 else wanted * repetition
        wanted -= count * frequency + (count > 0) * presence
        assert penalized[token] == pytest.approx(wanted, rel=1e-5, abs=1e-4)


@given(LOGITS, st.lists(st.integers(0, VOCAB - 1), min_size=1, max_size=30), st.floats(0.1, 10))
@settings(deadline=None)
def test_repetition_is_penalized_as_transformers_does(
    logits: Floats, text: list[int], repetition: float
) -> None:
    prompt, chosen = text[: len(text) // 2], text[len(text) // 2 :]
    penalties = Penalties(
        vocab_size=VOCAB, prompt=prompt, frequency=0, presence=0, repetition=repetition
    )
    for token in chosen:
        penalties.count(token)
    processor = RepetitionPenaltyLogitsProcessor(repetition)
    wanted = processor(torch.tensor([text]), torch.tensor(logits)[None])[0]
    assert penalties.taken_from(logits).tolist() == pytest.approx(wanted.tolist(), rel=1e-5)


def test_tokens_of_the_prompt_are_repeated_but_not_chosen() -> None:
    logits = np.array([3.0, 2.9, 2.8], np.float32)
    for options, wanted in (
        ({"repetition_penalty": 2.0}, [1, 2, 0]),
        ({"frequency_penalty": 1.0}, [0, 1, 2]),
        ({"presence_penalty": 1.0}, [0, 1, 2]),
    ):
        parameters = SamplingParameters(temperature=0, **options)
        sampler = Sampler(parameters, vocab_size=3, stream=0, prompt=[0])
        assert [sampler.sample(logits) for _ in range(3)] == wanted


@given(
    LOGITS, st.dictionaries(st.integers(0, VOCAB - 1), st.floats(-100, 100, width=32), min_size=1)
)
def test_bias_is_added_and_the_logits_stay(logits: Floats, bias: dict[int, float]) -> None:
    before = logits.copy()
    values = np.array(list(bias.values()), np.float32)
    biased = LogitBias(np.array(list(bias)), values).added_to(logits)
    assert (logits == before).all()
    for token in range(VOCAB):
        assert biased[token] == pytest.approx(logits[token] + bias.get(token, 0), abs=1e-4)


@given(LOGITS, st.floats(0, 1, exclude_max=True))
def test_a_number_falls_where_the_weights_are(logits: Floats, uniform: float) -> None:
    probabilities = softmax(logits)
    ends = np.cumsum(probabilities, dtype=np.float64)
    index = fall(probabilities, uniform * ends[-1])
    before = ends[index - 1] if index else 0
    assert before <= uniform * ends[-1] + 1e-12
    assert uniform * ends[-1] <= ends[index] + 1e-12


@pytest.mark.parametrize("size", [1, 255, 256, 257, 5000, 16_384, 16_385, 49_152, 151_936])
def test_any_size_of_vocabulary_is_laid_end_to_end(size: int) -> None:
    """Chunks and blocks have no seams: the choice is that of one long sum."""
    logits = large(2.0, size)
    ends = np.cumsum(np.exp((logits - logits.max()).astype(np.float64) / 0.9))
    for uniform in [*np.random.default_rng(1).random(50).tolist(), 0.0, 1 - 2**-53]:
        token = draw(logits, temperature=0.9, uniform=uniform)
        assert (ends[token - 1] if token else 0) <= uniform * ends[-1] * (1 + 1e-6)
        assert uniform * ends[-1] <= ends[token] * (1 + 1e-6)


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 40_000))
@settings(deadline=None)
def test_what_is_ruled_out_is_never_drawn(uniform: float, size: int) -> None:
    logits = np.full(size, -np.inf, np.float32)
    allowed = np.random.default_rng(size).integers(0, size, 3)
    logits[allowed] = [1, -80, 0]
    assert draw(logits, temperature=2.0, uniform=uniform) in allowed
    assert fall(np.array([0, 0, 1, 0, 0], np.float32), 1.0) == 2


@given(LOGITS)
def test_greedy_takes_the_first_of_the_likeliest(logits: Floats) -> None:
    sampler = Sampler(SamplingParameters(temperature=0), vocab_size=VOCAB, stream=0)
    assert sampler.sample(logits) == int(np.flatnonzero(logits == logits.max())[0])


@pytest.mark.parametrize("size", [24, 600, 49_152, 151_936])
@pytest.mark.parametrize("count", [0, 1, 5, 20, 500, 511, 512, 1000])
@pytest.mark.parametrize("decimals", [0, 3])
def test_likeliest_are_in_order(size: int, count: int, decimals: int) -> None:
    """Also where many are equal: then the first are taken."""
    logits = large(2.0, size).round(decimals)
    assert likeliest(logits, count).tolist() == np.argsort(-logits, kind="stable")[:count].tolist()


def test_tokens_that_are_ruled_out_are_never_likely() -> None:
    logits = np.full(49_152, -np.inf, np.float32)
    logits[[7, 40_000]] = [1, 2]
    assert likeliest(logits, 5).tolist() == [40_000, 7]


@given(LOGITS)
def test_probabilities_sum_to_one(logits: Floats) -> None:
    assert softmax(logits).sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "options",
    [{"temperature": 0}, {}, {"top_p": 0.9}, {"top_k": 5}, {"min_p": 0.1}, {"presence_penalty": 1}],
)
def test_logits_that_are_no_numbers_are_refused(value: float, options: dict[str, Any]) -> None:
    sampler = Sampler(SamplingParameters(**options), vocab_size=VOCAB, stream=0)
    logits = np.zeros(VOCAB, np.float32)
    logits[-3] = value
    if value == -np.inf:
        logits[:] = value
    with pytest.raises(InvalidLogitsError):
        sampler.sample(logits)
    with pytest.raises(InvalidLogitsError):
        log_total(logits)


def draws(seed: int | None, stream: int = 0, **more: Any) -> list[int]:
    logits = np.zeros(VOCAB, np.float32)
    sampler = Sampler(SamplingParameters(seed=seed, **more), vocab_size=VOCAB, stream=stream)
    return [sampler.sample(logits) for _ in range(40)]


def test_seeds_and_streams_tell_draws_apart() -> None:
    assert draws(7) == draws(7)
    assert draws(-7) == draws(-7)
    assert draws(7) != draws(8)
    assert draws(7, stream=0) != draws(7, stream=1)
    assert draws(None) != draws(None)


def test_frequency_penalty_spreads_the_choices() -> None:
    """A greedy sampler with a penalty walks through all tokens before it repeats one."""
    chosen = draws(1, temperature=0, frequency_penalty=1)
    assert sorted(chosen[:VOCAB]) == list(range(VOCAB))
    assert chosen[VOCAB:] == chosen[: 40 - VOCAB]


class OnlyEven:
    """Tokens with even numbers."""

    def restrict(self, logits: Floats) -> Floats:
        return np.where(np.arange(len(logits)) % 2 == 0, logits, np.float32(-np.inf))

    def advance(self, token: int) -> None:
        assert token % 2 == 0


FREQUENT = LogitBias(np.array([2, 5]), np.array([2.0, -100.0], np.float32))


@pytest.mark.parametrize(
    ("options", "constraint"),
    [
        ({}, None),
        ({"temperature": 0.7}, None),
        ({"top_p": 0.8}, None),
        ({"top_k": 4, "temperature": 1.5}, None),
        ({"min_p": 0.2}, OnlyEven()),
        ({"logit_bias": FREQUENT}, None),
        ({"repetition_penalty": 1.8, "logit_bias": FREQUENT}, OnlyEven()),
    ],
)
def test_draws_follow_the_distribution(
    options: dict[str, Any], constraint: OnlyEven | None
) -> None:
    """The shares of 4000 draws, within five standard deviations of what is written down here."""
    logits = np.array([2, 1.5, 1, 0.5, 0, -0.5, -1, -2], np.float32)
    wanted = logits.astype(np.float64)
    parameters = SamplingParameters(seed=1, **options)
    if parameters.repetition_penalty != 1:
        wanted[[0, 7]] = [2 / 1.8, -2 * 1.8]
    if parameters.logit_bias:
        wanted[parameters.logit_bias.tokens] += parameters.logit_bias.values
    if constraint:
        wanted[1::2] = -np.inf
    shares = reference(
        wanted, parameters.temperature, parameters.top_k, parameters.top_p, parameters.min_p
    )
    # A sampler for each draw, as penalties depend on those before.
    chosen = [
        Sampler(
            parameters, vocab_size=8, stream=number, prompt=[0, 7], constraint=constraint
        ).sample(logits)
        for number in range(4000)
    ]
    found = np.bincount(chosen, minlength=8) / len(chosen)
    for token in range(8):
        share = shares.get(token, 0)
        assert abs(found[token] - share) <= 5 * (share * (1 - share) / len(chosen)) ** 0.5


def test_a_bias_bans_and_forces() -> None:
    """-100 and 100, as the API has it, against the logits of a model that is sure of itself."""
    logits = np.array([30, 0, -20], np.float32)
    for token, value, wanted in ((0, -100, {1}), (2, 100, {2})):
        bias = LogitBias(np.array([token]), np.array([value], np.float32))
        parameters = SamplingParameters(seed=3, logit_bias=bias)
        sampler = Sampler(parameters, vocab_size=3, stream=0)
        assert {sampler.sample(logits) for _ in range(200)} == wanted


@pytest.mark.parametrize("temperature", [1e-5, 1e-4, 2.0])
def test_extreme_temperatures_stay_finite(temperature: float) -> None:
    logits = np.array([-1e4, 0, 30, 30.5, 1e4], np.float32)
    got = distribution(logits, temperature=temperature, top_k=0, top_p=0.9, min_p=0)
    assert got == {4: 1}
    assert draw(logits, temperature=temperature, uniform=0.999) == 4
