"""Chooses the next token from logits: penalties, bias, temperature and truncation in NumPy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]

# Below this the softmax is one-hot in float32, and dividing by it only loses precision.
GREEDY_TEMPERATURE = 1e-5

# Logits whose exponentials are taken at once: they stay in the cache of a core, and NumPy gets
# their memory without asking the system for it.
_CHUNK = 16_384
# Numbers that are added up one by one; more of them are added up in blocks first.
_BLOCK = 256
# Groups of tokens whose best ones bound which tokens can be among the best of all.
_GROUPS = 512


class InvalidLogitsError(Exception):
    """Logits that are not numbers, infinite, or rule every token out."""


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
    """How tokens are chosen, in OpenAI's terms plus `top_k`, `min_p` and `repetition_penalty`.

    `top_k` 0, `top_p` 1, `min_p` 0 and `repetition_penalty` 1 change nothing; `temperature` 0 is
    greedy. Without `seed` each request draws its own.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    repetition_penalty: float = 1.0
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
    """The sampling state of one sequence: its random generator and the tokens it has chosen.

    What it chooses is a function of the logits, the parameters, the seed and the step.
    """

    def __init__(
        self,
        parameters: SamplingParameters,
        *,
        vocab_size: int,
        stream: int,
        prompt: Sequence[int] = (),
        constraint: Constraint | None = None,
    ) -> None:
        """`stream` tells apart the choices of one request, which share its seed.

        The tokens of `prompt` count as repeated, but not as chosen.
        """
        self._parameters = parameters
        self._constraint = constraint
        self._penalties = _penalties(parameters, vocab_size=vocab_size, prompt=prompt)
        self._random = _generator(parameters.seed, stream)

    def sample(self, logits: Floats) -> int:
        """The next token for `logits` [vocab], which are left as they are.

        Penalties come first, then bias, constraint, temperature and truncation. Raises
        InvalidLogitsError.
        """
        if self._penalties is not None:
            logits = self._penalties.taken_from(logits)
        if self._parameters.logit_bias is not None:
            logits = self._parameters.logit_bias.added_to(logits)
        if self._constraint is not None:
            logits = self._constraint.restrict(logits)
        token = self._choose(logits)
        if self._penalties is not None:
            self._penalties.count(token)
        if self._constraint is not None:
            self._constraint.advance(token)
        return token

    def _choose(self, logits: Floats) -> int:
        check(logits)
        parameters = self._parameters
        if parameters.temperature < GREEDY_TEMPERATURE:
            return int(logits.argmax())
        uniform = self._random.random()
        if not _truncates(parameters, len(logits)):
            return draw(logits, temperature=parameters.temperature, uniform=uniform)
        ids, weights = truncate(
            logits,
            temperature=parameters.temperature,
            top_k=parameters.top_k,
            top_p=parameters.top_p,
            min_p=parameters.min_p,
        )
        return int(ids[fall(weights, uniform * float(weights.sum(dtype=np.float64)))])


class Penalties:
    """Makes tokens less likely that are in the text already, or likelier where negative."""

    def __init__(
        self,
        *,
        vocab_size: int,
        prompt: Sequence[int],
        frequency: float,
        presence: float,
        repetition: float,
    ) -> None:
        self._frequency = frequency
        self._presence = presence
        self._repetition = repetition
        self._counts = np.zeros(vocab_size, np.int32)
        self._seen = np.unique(np.array(prompt, np.int64))

    def count(self, token: int) -> None:
        """Notes that `token` was chosen."""
        self._counts[token] += 1
        if self._counts[token] == 1 and token not in self._seen:
            self._seen = np.append(self._seen, token)

    def taken_from(self, logits: Floats) -> Floats:
        """`logits` [vocab] less what the tokens that were seen pay.

        A positive logit is divided and a negative one multiplied by `repetition`, for tokens of
        the prompt as well (CTRL, Keskar et al. 2019); then each pays `count * frequency +
        (count > 0) * presence`, for those that were chosen (OpenAI API guide, advanced usage).
        """
        values, counts = logits[self._seen], self._counts[self._seen]
        values = np.where(values > 0, values / self._repetition, values * self._repetition)
        values -= counts * self._frequency + (counts > 0) * self._presence
        penalized = logits.copy()
        penalized[self._seen] = values
        return penalized


def _truncates(parameters: SamplingParameters, vocab_size: int) -> bool:
    return parameters.top_p < 1 or 0 < parameters.top_k < vocab_size or parameters.min_p > 0


def _penalties(
    parameters: SamplingParameters, *, vocab_size: int, prompt: Sequence[int]
) -> Penalties | None:
    frequency, presence = parameters.frequency_penalty, parameters.presence_penalty
    repetition = parameters.repetition_penalty
    if frequency == 0 and presence == 0 and repetition == 1:
        return None
    return Penalties(
        vocab_size=vocab_size,
        prompt=prompt if repetition != 1 else (),
        frequency=frequency,
        presence=presence,
        repetition=repetition,
    )


def _generator(seed: int | None, stream: int) -> np.random.Generator:
    if seed is None:
        return np.random.default_rng()
    return np.random.default_rng([seed % 2**64, stream])


def check(logits: Floats) -> None:
    """Raises InvalidLogitsError unless the highest of `logits` is finite, and none is NaN."""
    top = logits.max()  # NaN if one is
    if not math.isfinite(top):
        raise InvalidLogitsError(f"the highest of {len(logits)} logits is {top}")


def _weigh(logits: Floats, top: np.float32, temperature: float) -> Floats:
    """What the probabilities of `logits` are in proportion to; 1 for the logit `top`."""
    weights: Floats = logits - top
    weights /= np.float32(temperature)
    return np.exp(weights, out=weights)


def _chunks(logits: Floats, temperature: float) -> Iterator[Floats]:
    """The weights of all tokens, piece by piece."""
    top = logits.max()
    for start in range(0, len(logits), _CHUNK):
        yield _weigh(logits[start : start + _CHUNK], top, temperature)


def total_weight(logits: Floats, temperature: float) -> float:
    """The sum of the weights of all tokens, of which the likeliest one's is 1."""
    return sum(float(chunk.sum(dtype=np.float64)) for chunk in _chunks(logits, temperature))


def log_total(logits: Floats) -> float:
    """What to take from a logit for the natural logarithm of its probability.

    Raises InvalidLogitsError.
    """
    check(logits)
    return float(logits.max()) + math.log(total_weight(logits, 1.0))


def draw(logits: Floats, *, temperature: float, uniform: float) -> int:
    """The token that `uniform` in [0, 1) falls on when all probabilities are laid end to end."""
    sums = [chunk.sum(dtype=np.float64) for chunk in _chunks(logits, temperature)]
    chunk, rest = _place(np.array(sums), uniform * float(sum(sums)))
    start = chunk * _CHUNK
    weights = _weigh(logits[start : start + _CHUNK], logits.max(), temperature)
    return start + fall(weights, rest)


def fall(weights: Floats, target: float) -> int:
    """The index that `target`, less than their sum, falls on when `weights` are laid end to end."""
    starts = np.arange(0, len(weights), _BLOCK)
    block, rest = _place(np.add.reduceat(weights, starts, dtype=np.float64), target)
    start = block * _BLOCK
    return start + _place(weights[start : start + _BLOCK], rest)[0]


def _place(sizes: NDArray[np.floating], target: float) -> tuple[int, float]:
    """Which of `sizes`, laid end to end, `target` falls on, and how far from its start.

    One that is nothing is never chosen, even if a rounded `target` is behind them all.
    """
    ends = np.cumsum(sizes, dtype=np.float64)
    last = int(ends.searchsorted(ends[-1]))
    index = min(int(ends.searchsorted(target, side="right")), last)
    return index, target - (float(ends[index - 1]) if index else 0.0)


def truncate(
    logits: Floats, *, temperature: float, top_k: int, top_p: float, min_p: float
) -> tuple[Ids, Floats]:
    """Tokens, and what their probabilities are in proportion to: 0 for those that are left out.

    In order: temperature, the `top_k` likeliest, the smallest set of mass `top_p` (nucleus
    sampling, Holtzman et al. 2020), tokens at least `min_p` times as likely as the likeliest
    (Nguyen et al. 2024). The likeliest token always stays. Needs one of the three to truncate.
    """
    top = logits.max()
    if 0 < top_k < len(logits):
        ids = likeliest(logits, top_k)
        weights = _weigh(logits[ids], top, temperature)
        total = float(weights.sum(dtype=np.float64)) if top_p < 1 else 0.0
    else:
        total = total_weight(logits, temperature) if top_p < 1 else 0.0
        # Those below (1 - top_p) / n of the total sum to less than 1 - top_p of it, so none is in
        # the nucleus. A hair less, as the bound is rounded otherwise than the weights.
        bound = 0.999 * max(min_p, (1 - top_p) * total / len(logits))
        ids = np.flatnonzero(logits >= np.float32(float(top) + temperature * math.log(bound)))
        weights = _weigh(logits[ids], top, temperature)
    if top_p < 1:
        weights = nucleus(weights, top_p * total)
    if min_p > 0:
        weights[weights < min_p] = 0
    return ids, weights


def nucleus(weights: Floats, mass: float) -> Floats:
    """The fewest weights that sum to `mass` or more, at least one and all if none do; 0 elsewhere.

    Of equal weights the first are taken.
    """
    # Sorting numbers is many times as fast as sorting indices by them.
    ordered = np.sort(weights)[::-1]
    size = fall(ordered, math.nextafter(mass, 0)) + 1
    least = ordered[size - 1]
    kept: Floats = np.where(weights >= least, weights, np.float32(0))
    surplus = np.count_nonzero(kept) - size
    if surplus > 0:
        kept[np.flatnonzero(weights == least)[-surplus:]] = 0
    return kept


def likeliest(logits: Floats, count: int) -> Ids:
    """The `count` tokens of highest logits, highest first; of equal ones the first.

    Those of minus infinity are never among them.
    """
    if count == 0:
        return np.empty(0, np.int64)
    bound = np.finfo(np.float32).min
    if count < _GROUPS < len(logits):
        # The best of so many groups reach up to this bound, so at least as many tokens do.
        rows = len(logits) // _GROUPS
        best = logits[: rows * _GROUPS].reshape(rows, _GROUPS).max(axis=0)
        bound = max(bound, np.partition(best, -count)[-count])
    elif count < len(logits):
        bound = max(bound, np.partition(logits, -count)[-count])
    ids = np.flatnonzero(logits >= bound)
    return ids[np.argsort(-logits[ids], kind="stable")[:count]]
