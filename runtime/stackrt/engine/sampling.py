"""Chooses the next token from logits: penalties, bias, temperature and truncation in NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]

# Below this the softmax is one-hot in float32, and dividing by it only loses precision.
GREEDY_TEMPERATURE = 1e-5


@dataclass(frozen=True)
class LogitBias:
    """What is added to the logits of some `tokens`: one of `values` to each."""

    tokens: Ids
    values: Floats

    def added_to(self, logits: Floats) -> Floats:
        """`logits` [vocab] with the bias."""
        biased = logits.copy()
        biased[self.tokens] += self.values
        return biased


@dataclass(frozen=True, kw_only=True)
class SamplingParameters:
    """How tokens are chosen, in the terms of OpenAI's API plus `top_k` and `min_p`.

    `top_k` 0, `top_p` 1 and `min_p` 0 keep every token; `temperature` 0 is greedy. Without `seed`
    each request draws its own.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    logit_bias: LogitBias | None = None
    seed: int | None = None


class Constraint(Protocol):
    """What the text of one sequence may be: a grammar, and how far into it the text is."""

    def restrict(self, logits: Floats) -> Floats:
        """`logits` [vocab] with minus infinity for the tokens that may not come next."""
        ...

    def advance(self, token: int) -> None:
        """Notes that `token`, one of those that may, came next."""
        ...


class Sampler:
    """The sampling state of one sequence: its random generator and the tokens it has chosen."""

    def __init__(
        self,
        parameters: SamplingParameters,
        *,
        vocab_size: int,
        stream: int,
        constraint: Constraint | None = None,
    ) -> None:
        """`stream` tells apart the choices of one request, which share its seed."""
        self._parameters = parameters
        self._constraint = constraint
        self._counts = np.zeros(vocab_size, np.int32) if _penalizes(parameters) else None
        self._random = _generator(parameters.seed, stream)

    def sample(self, logits: Floats) -> int:
        """The next token for `logits` [vocab], which are left as they are."""
        parameters = self._parameters
        if self._counts is not None:
            logits = penalize(
                logits,
                self._counts,
                frequency=parameters.frequency_penalty,
                presence=parameters.presence_penalty,
            )
        if parameters.logit_bias is not None:
            logits = parameters.logit_bias.added_to(logits)
        if self._constraint is not None:
            logits = self._constraint.restrict(logits)
        token = self._choose(logits)
        if self._counts is not None:
            self._counts[token] += 1
        if self._constraint is not None:
            self._constraint.advance(token)
        return token

    def _choose(self, logits: Floats) -> int:
        parameters = self._parameters
        if parameters.temperature < GREEDY_TEMPERATURE:
            return int(logits.argmax())
        ids, probabilities = distribution(
            logits,
            temperature=parameters.temperature,
            top_k=parameters.top_k,
            top_p=parameters.top_p,
            min_p=parameters.min_p,
        )
        return int(ids[draw(probabilities, self._random.random())])


def _penalizes(parameters: SamplingParameters) -> bool:
    return parameters.frequency_penalty != 0 or parameters.presence_penalty != 0


def _generator(seed: int | None, stream: int) -> np.random.Generator:
    if seed is None:
        return np.random.default_rng()
    return np.random.default_rng([seed % 2**64, stream])


def penalize(
    logits: Floats, counts: NDArray[np.int32], *, frequency: float, presence: float
) -> Floats:
    """Logits less what a token pays for having been chosen `counts` times.

    `logit - count * frequency - (count > 0) * presence` (OpenAI API guide, advanced usage).
    """
    penalty = counts * frequency + (counts > 0) * presence
    return logits - penalty.astype(np.float32)


def distribution(
    logits: Floats, *, temperature: float, top_k: int, top_p: float, min_p: float
) -> tuple[Ids, Floats]:
    """The tokens that may be chosen, likeliest first where truncated, and their probabilities.

    In order: temperature, the `top_k` likeliest, the smallest set of mass `top_p` (nucleus
    sampling, Holtzman et al. 2020), tokens at least `min_p` times as likely as the likeliest
    (Nguyen et al. 2024). The likeliest token always stays.
    """
    scaled = (logits - logits.max()) / np.float32(temperature)
    ids: Ids = np.arange(len(scaled))
    if 0 < top_k < len(ids):
        ids = np.argpartition(scaled, -top_k)[-top_k:]
    probabilities = _softmax(scaled[ids])
    if top_p < 1:
        kept = nucleus(probabilities, top_p)
        ids, probabilities = ids[kept], probabilities[kept]
    if min_p > 0:
        likely = probabilities >= min_p * probabilities.max()
        ids, probabilities = ids[likely], probabilities[likely]
    return ids, probabilities / probabilities.sum()


def nucleus(probabilities: Floats, mass: float) -> Ids:
    """Indices of the fewest probabilities that sum to `mass` or more, largest first."""
    # Those below (1 - mass) / n sum to less than 1 - mass, so none is in the nucleus; leaving
    # them out makes the sort short without changing its outcome.
    bound = min((1 - mass) / len(probabilities), probabilities.max())
    candidates = np.flatnonzero(probabilities >= bound)
    order = candidates[np.argsort(-probabilities[candidates])]
    masses = np.cumsum(probabilities[order], dtype=np.float64)
    size = int(np.searchsorted(masses, mass)) + 1
    return order[:size]


def draw(probabilities: Floats, uniform: float) -> int:
    """The index that `uniform` in [0, 1) falls on when the probabilities are laid end to end."""
    ends = np.cumsum(probabilities, dtype=np.float64)
    return min(int(np.searchsorted(ends, uniform * ends[-1], side="right")), len(ends) - 1)


def log_softmax(logits: Floats) -> Floats:
    """Natural logarithms of the probabilities that `logits` stand for."""
    shifted = logits - logits.max()
    logprobs: Floats = shifted - np.log(np.exp(shifted).sum())
    return logprobs


def likeliest(logits: Floats, count: int) -> list[int]:
    """The `count` tokens of highest logits, highest first."""
    ids = np.argpartition(logits, -count)[-count:] if 0 < count < len(logits) else ()
    return sorted((int(id) for id in ids), key=lambda id: (-float(logits[id]), id))


def _softmax(scaled: Floats) -> Floats:
    weights = np.exp(scaled)
    probabilities: Floats = weights / weights.sum()
    return probabilities
