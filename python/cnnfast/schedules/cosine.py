"""Schedules along a half cosine wave."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from cnnfast.schedules.schedule import LearningRateSchedule
from cnnfast.utils.arguments import one_of, real_number, whole_number


def _wave(fraction: float) -> float:
    """From 1 to 0 along a half cosine."""
    return 0.5 * (1 + math.cos(math.pi * fraction))


@dataclass(frozen=True)
class CosineDecay(LearningRateSchedule):
    """Falls along a half cosine wave, after a straight rise if there is a warm-up.

    Formula: rate = top * ((1 - alpha) * (1 + cos(pi * t)) / 2 + alpha), t = min(step, decay_steps) /
    decay_steps; top is the initial rate. With `warmup_target` the rate first goes straight from the initial
    one to that one in `warmup_steps`, and falls from there.

    Args:
        initial_learning_rate: The rate at step 0.
        decay_steps: Updates of the fall, above 0.
        alpha: The last rate as a part of the top.
        name: Keras's argument.
        warmup_target: The rate at the end of the warm-up; None for no warm-up.
        warmup_steps: Updates of the warm-up, at least 0.

    Source:
        Loshchilov and Hutter, 2017; Keras 3, `keras.optimizers.schedules.CosineDecay`.

    Example:
        >>> rate = CosineDecay(0.0, 100, warmup_target=1.0, warmup_steps=10)
        >>> rate(5), rate(10), rate(60), rate(110)
        (0.5, 1.0, 0.5, 0.0)
    """

    initial_learning_rate: float
    decay_steps: float
    alpha: float = 0.0
    name: str = "CosineDecay"
    warmup_target: float | None = None
    warmup_steps: float = 0

    def __post_init__(self) -> None:
        self._check_reals("initial_learning_rate", "alpha", "warmup_steps")
        self._check_above_0("decay_steps")
        if self.warmup_target is not None:
            self._check_reals("warmup_target")

    def __call__(self, step: Any) -> float:
        """Returns the learning rate."""
        now, top = float(step), self.initial_learning_rate
        if self.warmup_target is not None:
            if now < self.warmup_steps:
                return top + (self.warmup_target - top) * now / self.warmup_steps
            now, top = now - self.warmup_steps, self.warmup_target
        return top * ((1 - self.alpha) * _wave(min(now / self.decay_steps, 1.0)) + self.alpha)


@dataclass(frozen=True)
class CosineDecayRestarts(LearningRateSchedule):
    """Falls along half cosine waves, one after the other, each `t_mul` times as long as the last.

    Formula: rate = initial * ((1 - alpha) * m_mul^i * (1 + cos(pi * t)) / 2 + alpha) in the i-th wave, from
    0, of which the part t is over.

    Args:
        initial_learning_rate: The rate at step 0.
        first_decay_steps: Updates of the first wave, above 0.
        t_mul: Factor of the length from wave to wave, at least 1.
        m_mul: Factor of the height from wave to wave.
        alpha: The last rate as a part of the initial one.
        name: Keras's argument.

    Source:
        Loshchilov and Hutter, 2017; Keras 3, `keras.optimizers.schedules.CosineDecayRestarts`.

    Example:
        >>> rate = CosineDecayRestarts(1.0, 10, m_mul=0.5)
        >>> rate(0), rate(5), rate(10), rate(20)
        (1.0, 0.5, 0.5, 0.25)
    """

    initial_learning_rate: float
    first_decay_steps: float
    t_mul: float = 2.0
    m_mul: float = 1.0
    alpha: float = 0.0
    name: str = "SGDRDecay"

    def __post_init__(self) -> None:
        self._check_reals("initial_learning_rate", "m_mul", "alpha")
        self._check_above_0("first_decay_steps")
        real_number(self.t_mul, "t_mul", 1)

    def __call__(self, step: Any) -> float:
        """Returns the learning rate."""
        over, length, height = float(step) / self.first_decay_steps, 1.0, 1.0
        if self.t_mul == 1:
            waves = math.floor(over)
            over, height = over - waves, math.pow(self.m_mul, waves)
        while over >= length:
            over, length, height = over - length, length * self.t_mul, height * self.m_mul
        return self.initial_learning_rate * ((1 - self.alpha) * height * _wave(over / length) + self.alpha)


@dataclass(frozen=True)
class OneCycle(LearningRateSchedule):
    """Rises to a top and falls far below where it began, once.

    Formula: from max_rate / div_factor to max_rate in the first pct_start of the steps, then to
    max_rate / div_factor / final_div_factor in the others; each along a half cosine wave or a straight line.
    `three_phase` falls as it rose before it falls to the last rate.

    Args:
        max_learning_rate: The top.
        total_steps: Updates of the whole cycle, at least 1; behind it the last rate stays.
        pct_start: Part of the steps in which the rate rises, in [0, 1].
        anneal_strategy: "cos" or "linear".
        div_factor: How many times smaller the first rate is, above 0.
        final_div_factor: How many times smaller than the first the last rate is, above 0.
        three_phase: Whether the way down goes by the first rate.
        name: A name.

    Source:
        Smith and Topin, 2018; PyTorch, `torch.optim.lr_scheduler.OneCycleLR`.

    Example:
        >>> rate = OneCycle(1.0, total_steps=11, pct_start=0.5, div_factor=4.0)
        >>> rate(0), rate(4.5), rate(10)
        (0.25, 1.0, 2.5e-05)
    """

    max_learning_rate: float
    total_steps: int
    pct_start: float = 0.3
    anneal_strategy: str = "cos"
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    three_phase: bool = False
    name: str = "OneCycle"

    def __post_init__(self) -> None:
        self._check_reals("max_learning_rate")
        whole_number(self.total_steps, "total_steps", 1)
        if not 0 <= real_number(self.pct_start, "pct_start") <= 1:
            raise ValueError(f"pct_start must be in [0, 1], got {self.pct_start!r}")
        one_of(self.anneal_strategy, "anneal_strategy", ("cos", "linear"))
        self._check_above_0("div_factor", "final_div_factor")

    def __call__(self, step: Any) -> float:
        """Returns the learning rate."""
        first = self.max_learning_rate / self.div_factor
        last, end = first / self.final_div_factor, self.total_steps - 1.0
        top = self.pct_start * self.total_steps - 1
        knots = [(0.0, first), (top, self.max_learning_rate)]
        if self.three_phase:
            knots.append((2 * top, first))
        knots.append((end, last))
        now = min(float(step), end)
        for (begin, left), (until, right) in pairwise(knots):
            if now <= until and until > begin:
                fraction = (now - begin) / (until - begin)
                kept = _wave(fraction) if self.anneal_strategy == "cos" else 1 - fraction
                return right + (left - right) * kept
        return last
