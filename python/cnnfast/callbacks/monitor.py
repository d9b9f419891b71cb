"""What callbacks that watch one number have in common."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from numbers import Real
from typing import Any, Literal

import numpy as np

from cnnfast.callbacks.callback import Callback, Logs
from cnnfast.utils.arguments import ArgumentTypeError, real_number
from cnnfast.utils.nest import leaves

Mode = Literal["auto", "min", "max"]


def number_to_beat(value: Any, name: str) -> float | None:
    """Returns a number that values are compared with, or None.

    Raises:
        ArgumentTypeError: If it is neither.

    Example:
        >>> number_to_beat(1, "baseline")
        1.0
    """
    if value is None:
        return None
    if not isinstance(value, Real):
        raise ArgumentTypeError(f"{name} must be a number or None, got {value!r}")
    return float(value)


class MonitorCallback(Callback):
    """Base of the callbacks that watch one number of the logs. NaN is never better than anything.

    Args:
        monitor: Its name, such as "val_loss".
        mode: "min" or "max" says which is better; "auto" knows it of the loss and the model's metrics.
        min_delta: How much better it must get to count; its sign does not matter.
        best: The number to beat at first; None or NaN means any.

    Raises:
        ValueError: If `mode` is none of these, `min_delta` is not finite or `best` no number; before the
            first epoch, if there will be no number of that name.
    """

    def __init__(self, monitor: str, mode: Mode, min_delta: float, best: float | None) -> None:
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"mode must be 'auto', 'min' or 'max', got {mode!r}")
        self.monitor = monitor
        self.mode: Mode = mode
        self.min_delta = abs(real_number(min_delta, "min_delta", -math.inf))
        self.best = number_to_beat(best, "initial_value_threshold")
        self._expected: Sequence[str] = ()  # names in the logs, of some epochs at least

    def _check(self, names: Sequence[str], complete: bool) -> None:
        self._expected = names
        if complete:
            self._value(dict.fromkeys(names, 0.0))
        self._larger_is_better()

    def _value(self, logs: Logs | None) -> float | None:
        """Returns the number; None in an epoch without it, where others have it."""
        if not logs or self.monitor not in logs:
            if self.monitor in self._expected:
                return None
            raise ValueError(
                f"{type(self).__name__} watches {self.monitor!r}, but there are only {list(logs or {})}; "
                "name one of these, or give fit validation data"
            )
        value = logs[self.monitor]
        if np.ndim(value):
            raise ValueError(
                f"{type(self).__name__} watches one number, but {self.monitor!r} tells several, {value!r}; "
                "give the metric an average or a single threshold"
            )
        return float(value)

    def _improves(self, value: float, on: float | None) -> bool:
        """Whether a value is better than another, which may be none."""
        if math.isnan(value):
            return False
        if on is None or math.isnan(on):
            return True
        if self._larger_is_better():
            return value - self.min_delta > on
        return value + self.min_delta < on

    def _larger_is_better(self) -> bool:
        if self.mode != "auto":
            return self.mode == "max"
        name = self.monitor.removeprefix("val_")
        if name == "loss" or name.endswith("_loss"):
            return False
        compiled = self.model._compiled
        given = None if compiled is None else [compiled.metrics, compiled.weighted_metrics]
        for metric in leaves(given):
            # Of several outputs, their names come first; of several metrics of one name, a number last.
            if metric is not None and re.search(rf"(^|_){re.escape(metric.display_name)}(_\d+)?$", name):
                return bool(metric.larger_is_better)
        raise ValueError(
            f"{type(self).__name__} cannot know whether {self.monitor!r} should grow; say mode='min' or 'max'"
        )
