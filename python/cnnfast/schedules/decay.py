"""Schedules that fall without end or to a last rate."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from cnnfast.schedules.schedule import LearningRateSchedule
from cnnfast.utils.arguments import real_number


@dataclass(frozen=True)
class _PeriodicDecay(LearningRateSchedule):
    initial_learning_rate: float
    decay_steps: float
    decay_rate: float
    staircase: bool = False

    def __post_init__(self) -> None:
        self._check_reals("initial_learning_rate", "decay_rate")
        self._check_above_0("decay_steps")

    def _periods(self, step: Any) -> float:
        """How often `decay_steps` are over, in whole numbers if in stairs."""
        periods = float(step) / self.decay_steps
        return math.floor(periods) if self.staircase else periods


@dataclass(frozen=True)
class ExponentialDecay(_PeriodicDecay):
    """Multiplies the rate by the same factor in the same time.

    Formula: rate = initial_learning_rate * decay_rate ^ (step / decay_steps); with `staircase` the exponent
    is rounded down.

    Args:
        initial_learning_rate: The rate at step 0.
        decay_steps: Updates in which `decay_rate` is reached, above 0.
        decay_rate: The factor.
        staircase: Whether the rate falls in stairs.
        name: Keras's argument.

    Source:
        Keras 3, `keras.optimizers.schedules.ExponentialDecay`.

    Example:
        >>> ExponentialDecay(0.1, 1000, 0.5)(2000)
        0.025
    """

    name: str = "ExponentialDecay"

    def __call__(self, step: Any) -> float:
        """Returns the learning rate."""
        return self.initial_learning_rate * math.pow(self.decay_rate, self._periods(step))


@dataclass(frozen=True)
class InverseTimeDecay(_PeriodicDecay):
    """Divides the rate by a number that grows evenly.

    Formula: rate = initial_learning_rate / (1 + decay_rate * step / decay_steps); with `staircase` the
    quotient of steps is rounded down.

    Args:
        initial_learning_rate: The rate at step 0.
        decay_steps: Updates in which the divisor grows by `decay_rate`, above 0.
        decay_rate: How much it grows.
        staircase: Whether the rate falls in stairs.
        name: Keras's argument.

    Source:
        Keras 3, `keras.optimizers.schedules.InverseTimeDecay`.

    Example:
        >>> InverseTimeDecay(0.1, 10, 1.0)(10)
        0.05
    """

    name: str = "InverseTimeDecay"

    def __call__(self, step: Any) -> float:
        """Returns the learning rate."""
        return self.initial_learning_rate / (1 + self.decay_rate * self._periods(step))


@dataclass(frozen=True)
class PiecewiseConstantDecay(LearningRateSchedule):
    """One rate up to a boundary, another behind it.

    Formula: rate = values[i] for the first i with step <= boundaries[i], else the last value.

    Args:
        boundaries: Steps at which the rate changes, growing.
        values: The rates, one more than there are boundaries.
        name: Keras's argument.

    Source:
        Keras 3, `keras.optimizers.schedules.PiecewiseConstantDecay`.

    Example:
        >>> rate = PiecewiseConstantDecay([100, 200], [1.0, 0.5, 0.1])
        >>> rate(100), rate(101), rate(500)
        (1.0, 0.5, 0.1)
    """

    boundaries: Sequence[float]
    values: Sequence[float]
    name: str = "PiecewiseConstant"

    def __post_init__(self) -> None:
        boundaries = [real_number(at, "boundaries", -math.inf) for at in self.boundaries]
        if len(boundaries) != len(self.values) - 1:
            raise ValueError(
                "values must have one entry more than boundaries; "
                f"got {len(boundaries)} boundaries and {len(self.values)} values"
            )
        if any(left >= right for left, right in pairwise(boundaries)):
            raise ValueError(f"boundaries must grow, got {self.boundaries!r}")

    def __call__(self, step: Any) -> float:
        """Returns the learning rate."""
        return float(self.values[bisect_left(self.boundaries, float(step))])


@dataclass(frozen=True)
class PolynomialDecay(LearningRateSchedule):
    """Falls to a last rate along a power of the time that is left.

    Formula: rate = (initial - end) * (1 - min(step, decay_steps) / decay_steps) ^ power + end; with `cycle`
    the steps are not cut off: decay_steps grows to its first multiple that is not below the step.

    Args:
        initial_learning_rate: The rate at step 0.
        decay_steps: Updates until the last rate, above 0.
        end_learning_rate: The last rate.
        power: The power; 1 is a straight line.
        cycle: Whether the rate jumps up again behind `decay_steps`.
        name: Keras's argument.

    Source:
        Keras 3, `keras.optimizers.schedules.PolynomialDecay`.

    Example:
        >>> PolynomialDecay(0.5, 100, 0.25)(50)
        0.375
    """

    initial_learning_rate: float
    decay_steps: float
    end_learning_rate: float = 0.0001
    power: float = 1.0
    cycle: bool = False
    name: str = "PolynomialDecay"

    def __post_init__(self) -> None:
        self._check_reals("initial_learning_rate", "end_learning_rate", "power")
        self._check_above_0("decay_steps")

    def __call__(self, step: Any) -> float:
        """Returns the learning rate."""
        now, whole = float(step), float(self.decay_steps)
        if self.cycle:
            whole *= max(1, math.ceil(now / whole))
        left = 1 - min(now, whole) / whole
        fall = self.initial_learning_rate - self.end_learning_rate
        return fall * math.pow(left, self.power) + self.end_learning_rate
