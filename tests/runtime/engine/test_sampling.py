"""Sampling against straightforward references, on logits that hypothesis makes up."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from stackrt.engine.sampling import (
    LogitBias,
    Sampler,
    SamplingParameters,
    distribution,
    draw,
    likeliest,
    log_softmax,
    nucleus,
    penalize,
)

VOCAB = 24
LOGITS = arrays(np.float32, VOCAB, elements=st.floats(-20, 20, width=32))
# Distinct logits, so that which token is likelier than which has one answer.
DISTINCT = st.permutations(range(VOCAB)).map(lambda order: np.array(order, np.float32) / 3)


def reference(
    logits: NDArray[np.float32], temperature: float, top_k: int, top_p: float, min_p: float
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


@given(
    DISTINCT,
    st.floats(0.1, 2),
    st.integers(0, VOCAB + 2),
    st.one_of(st.just(1.0), st.floats(0, 0.999)),
    st.one_of(st.just(0.0), st.floats(0.01, 0.9)),
)
def test_distribution_follows_the_definitions(
    logits: NDArray[np.float32], temperature: float, top_k: int, top_p: float, min_p: float
) -> None:
    # A hair away from the bounds, as float32 and float64 may disagree on what is exactly there.
    near = [reference(logits, temperature, top_k, top_p * slack, min_p) for slack in (0.9999, 1)]
    near += [
        reference(logits, temperature, top_k, top_p, min_p * slack) for slack in (0.9999, 1.0001)
    ]
    ids, probabilities = distribution(
        logits, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p
    )
    got = dict(zip(ids.tolist(), probabilities.tolist(), strict=True))
    wanted = next((each for each in near if each.keys() == got.keys()), near[1])
    assert got == pytest.approx(wanted, rel=1e-3, abs=1e-6)


@given(LOGITS, st.floats(0, 1))
def test_nucleus_is_the_smallest_set_of_that_mass(logits: NDArray[np.float32], mass: float) -> None:
    probabilities = np.exp(log_softmax(logits))
    kept = probabilities[nucleus(probabilities, mass)]
    assert len(kept) >= 1
    assert (np.diff(kept) <= 0).all()
    assert kept.sum(dtype=np.float64) >= mass - 1e-5
    assert kept[:-1].sum(dtype=np.float64) <= mass + 1e-5


def test_nucleus_of_equal_probabilities_is_never_empty() -> None:
    probabilities = np.full(49152, 1 / 49152, np.float32)
    assert len(nucleus(probabilities, 0.0)) == 1
    assert len(nucleus(probabilities, 0.5)) == pytest.approx(49152 / 2, rel=1e-3)


@given(
    LOGITS,
    arrays(np.int32, VOCAB, elements=st.integers(0, 9)),
    st.floats(-2, 2),
    st.floats(-2, 2),
)
def test_penalties_follow_the_formula(
    logits: NDArray[np.float32], counts: NDArray[np.int32], frequency: float, presence: float
) -> None:
    penalized = penalize(logits, counts, frequency=frequency, presence=presence)
    for token in range(VOCAB):
        wanted = logits[token] - counts[token] * frequency - (counts[token] > 0) * presence
        assert penalized[token] == pytest.approx(wanted, abs=1e-4)


@given(
    LOGITS, st.dictionaries(st.integers(0, VOCAB - 1), st.floats(-100, 100, width=32), min_size=1)
)
def test_bias_is_added_and_the_logits_stay(
    logits: NDArray[np.float32], bias: dict[int, float]
) -> None:
    before = logits.copy()
    values = np.array(list(bias.values()), np.float32)
    biased = LogitBias(np.array(list(bias)), values).added_to(logits)
    assert (logits == before).all()
    for token in range(VOCAB):
        assert biased[token] == pytest.approx(logits[token] + bias.get(token, 0), abs=1e-4)


@given(LOGITS, st.floats(0, 1, exclude_max=True))
def test_draw_falls_where_the_probabilities_are(
    logits: NDArray[np.float32], uniform: float
) -> None:
    probabilities = np.exp(log_softmax(logits))
    index = draw(probabilities, uniform)
    ends = np.cumsum(probabilities, dtype=np.float64)
    before = ends[index - 1] if index else 0
    assert before <= uniform * ends[-1] + 1e-12
    assert uniform * ends[-1] <= ends[index] + 1e-12


@given(LOGITS)
def test_greedy_takes_the_first_of_the_likeliest(logits: NDArray[np.float32]) -> None:
    sampler = Sampler(SamplingParameters(temperature=0), vocab_size=VOCAB, stream=0)
    assert sampler.sample(logits) == int(np.flatnonzero(logits == logits.max())[0])


@given(LOGITS, st.integers(0, VOCAB - 1))
def test_likeliest_are_in_order(logits: NDArray[np.float32], count: int) -> None:
    best = likeliest(logits, count)
    assert sorted(logits[best], reverse=True) == sorted(logits, reverse=True)[:count]
    assert [logits[id] for id in best] == sorted((logits[id] for id in best), reverse=True)


@given(LOGITS)
def test_log_softmax_sums_to_one(logits: NDArray[np.float32]) -> None:
    assert np.exp(log_softmax(logits)).sum() == pytest.approx(1, abs=1e-5)


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


def test_draws_follow_the_distribution() -> None:
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05], np.float32))
    sampler = Sampler(SamplingParameters(seed=1), vocab_size=4, stream=0)
    chosen = [sampler.sample(logits) for _ in range(4000)]
    shares = np.bincount(chosen, minlength=4) / len(chosen)
    assert shares == pytest.approx([0.5, 0.3, 0.15, 0.05], abs=0.03)


@pytest.mark.parametrize("temperature", [1e-5, 1e-4, 2.0])
def test_extreme_temperatures_stay_finite(temperature: float) -> None:
    logits = np.array([-1e4, 0, 30, 30.5, 1e4], np.float32)
    ids, probabilities = distribution(logits, temperature=temperature, top_k=0, top_p=0.9, min_p=0)
    assert ids.tolist() == [4]
    assert probabilities.tolist() == [1]
