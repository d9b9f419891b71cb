"""What every schedule has in common."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cnnfast.utils.arguments import real_number
from cnnfast.utils.serialization import Configured


@dataclass(frozen=True)
class LearningRateSchedule(Configured):
    """Base of the schedules: called with the number of updates made so far, returns the rate of the next.

    Your own is a subclass with `__call__(self, step)`, as in Keras, and `get_config` if it is to be saved.

    Source:
        Keras 3, `keras.optimizers.schedules.LearningRateSchedule`.

    Example:
        >>> class Halves(LearningRateSchedule):
        ...     def __call__(self, step):
        ...         return 0.5 ** (step + 1)
        >>> Halves()(2)
        0.125
    """

    def __call__(self, step: Any) -> float:
        """Returns the learning rate.

        Args:
            step: Updates made so far, from 0.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement __call__(self, step)")

    @classmethod
    def of(cls, function: Callable[[int], float]) -> LearningRateSchedule:
        """Returns a function of the step, or of nothing, as a schedule.

        Example:
            >>> LearningRateSchedule.of(lambda step: 0.5**step)(2)
            0.25
        """
        if isinstance(function, LearningRateSchedule):
            return function
        return _Function(function, bool(inspect.signature(function).parameters))

    def _check_reals(self, *names: str) -> None:
        for name in names:
            object.__setattr__(self, name, real_number(getattr(self, name), name, -math.inf))

    def _check_above_0(self, *names: str) -> None:
        for name in names:
            if not real_number(getattr(self, name), name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)!r}")


@dataclass(frozen=True)
class _Function(LearningRateSchedule):
    function: Callable[..., float]
    asks: bool  # for the step

    @property
    def _own_function(self) -> Callable[[int], float]:
        return self.function

    def __call__(self, step: Any) -> float:
        return self.function(step) if self.asks else self.function()
