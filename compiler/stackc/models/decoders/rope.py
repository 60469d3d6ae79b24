"""Rotary position embeddings: by which angle each pair of a head's numbers turns per position."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Rope:
    """``frequencies`` are in radians a position, one for each pair of a head's numbers.

    All cosines and sines are multiplied by ``magnitude``.
    """

    frequencies: tuple[float, ...]
    magnitude: float = 1.0

    def divided(self, divisors: Sequence[float]) -> "Rope":
        """Each frequency divided by its own number."""
        pairs = zip(self.frequencies, divisors, strict=True)
        return replace(self, frequencies=tuple(each / divisor for each, divisor in pairs))


def plain(theta: float, head_dim: int) -> Rope:
    """RoFormer (Su et al. 2021): from one radian a position to almost ``1 / theta``."""
    return Rope(tuple(theta ** (-pair / head_dim) for pair in range(0, head_dim, 2)))


def linear(rope: Rope, factor: float) -> Rope:
    """Position interpolation (Chen et al. 2023): positions are divided by ``factor``."""
    return rope.divided([factor] * len(rope.frequencies))


def llama3(
    rope: Rope, *, factor: float, low_factor: float, high_factor: float, trained_length: int
) -> Rope:
    """Llama 3.1's rule: slow pairs are interpolated, fast ones kept, those between are mixed.

    Slow and fast: less than ``low_factor`` and more than ``high_factor`` turns in
    ``trained_length`` tokens (apply_scaling in github.com/meta-llama/llama-models).
    """

    def scaled(frequency: float) -> float:
        turns = trained_length * frequency / (2 * math.pi)
        kept = min(max((turns - low_factor) / (high_factor - low_factor), 0.0), 1.0)
        return frequency * kept + frequency / factor * (1 - kept)

    return replace(rope, frequencies=tuple(map(scaled, rope.frequencies)))


def yarn(
    rope: Rope,
    *,
    theta: float,
    factor: float,
    fast_turns: float,
    slow_turns: float,
    trained_length: int,
    magnitude: float | None = None,
) -> Rope:
    """YaRN (Peng et al. 2023): as ``llama3``, mixed by the pair's index, and with a magnitude.

    Without ``magnitude`` it is the paper's ``0.1 ln(factor) + 1``.
    """
    pairs = len(rope.frequencies)

    def index_of(turns: float) -> float:
        index = pairs * math.log(trained_length / (turns * 2 * math.pi)) / math.log(theta)
        return min(max(index, 0), 2 * pairs - 1)

    first, last = math.floor(index_of(fast_turns)), math.ceil(index_of(slow_turns))
    width = max(last - first, 0.001)

    def scaled(index: int, frequency: float) -> float:
        slow = min(max((index - first) / width, 0.0), 1.0)
        return frequency / factor * slow + frequency * (1 - slow)

    if magnitude is None:
        magnitude = 0.1 * math.log(max(factor, 1.0)) + 1
    return Rope(tuple(scaled(i, each) for i, each in enumerate(rope.frequencies)), magnitude)
