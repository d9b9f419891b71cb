"""A progress bar for loops of one's own, by Keras's name."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cnnfast.callbacks.progress_bar import epoch_line, open_bar
from cnnfast.utils.arguments import whole_number


class Progbar:
    """Shows how far a loop is, and the means of numbers.

    Args:
        target: Steps to do; None where that is not known.
        width: Keras's argument; the bar is as wide as the terminal allows.
        verbose: 0 quiet; 1 a bar; 2 a line at the end.
        interval: Seconds between two drawings, at least 0.
        stateful_metrics: Names of numbers that are shown as they are, not as means.
        stateless_metrics: Names of numbers that are shown as means, where all others are shown as they are.
        unit_name: What a step is called.

    Raises:
        ValueError: If an argument is out of its range, or both kinds of metrics are named.

    Source:
        Keras 3, `keras.utils.Progbar`.

    Example:
        >>> bar = Progbar(2, verbose=2)
        >>> bar.add(1, [("loss", 3.0)])
        >>> bar.add(1, [("loss", 1.0)])
        2/2  loss 2.0000
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if verbose not in (0, 1, 2):
            raise ValueError(f"verbose must be 0, 1 or 2, got {verbose!r}")
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError("Progbar takes stateful_metrics or stateless_metrics, not both")
        self.target = None if target is None else whole_number(target, "target", 0)
        self.verbose, self.stateful_metrics = verbose, set(stateful_metrics or ())
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self._seen = 0
        self._sums: dict[str, tuple[float, float]] = {}  # with their weights
        self._bar: Any = None
        if verbose == 1:
            self._bar = open_bar(target, unit_name)
            self._bar.mininterval = interval

    def update(
        self, current: int, values: Sequence[tuple[str, Any]] | None = None, finalize: bool | None = None
    ) -> None:
        """Shows a state.

        Args:
            current: Steps done.
            values: Names and numbers; shown are their means over steps.
            finalize: Whether that was the last; None: if all steps are done.
        """
        steps = current - self._seen
        for name, value in values or ():
            number = float(np.mean(value))
            mean = name not in self.stateful_metrics
            if self.stateless_metrics is not None:
                mean = name in self.stateless_metrics
            if not mean:
                self._sums[name] = (number, 1.0)
            else:
                total, weight = self._sums.get(name, (0.0, 0.0))
                self._sums[name] = (total + number * steps, weight + steps)
        self._seen = current
        logs = {name: total / max(weight, 1.0) for name, (total, weight) in self._sums.items()}
        done = current == self.target if finalize is None else finalize
        if self._bar is not None:
            self._bar.set_postfix_str(epoch_line("", logs, None).strip(), refresh=False)
            self._bar.update(steps)
            if done:
                self._bar.close()
        elif self.verbose == 2 and done:
            print(
                epoch_line(f"{current}/{'?' if self.target is None else self.target}", logs, None),
                file=sys.stdout,
            )

    def add(self, n: int, values: Sequence[tuple[str, Any]] | None = None) -> None:
        """Shows that so many more steps are done."""
        self.update(self._seen + n, values)
