"""Learning rates that change."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence

from cnnfast.callbacks.callback import Callback, Logs


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch and adds "learning_rate" to the logs.

    Args:
        schedule: Called with (epoch counted from 0, present rate), or with the epoch alone if it takes no
            more; returns the new rate.
        verbose: 1 prints it.

    Raises:
        ValueError: If `schedule` cannot be called so; while training, if it returns no rate.

    Source:
        Keras 3, `keras.callbacks.LearningRateScheduler`.

    Example:
        >>> halve = LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch else rate)
        >>> halve.schedule(1, 0.5)
        0.25
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        self.schedule = schedule
        self.verbose = verbose
        self._takes_rate = _takes(schedule, 2)
        if not self._takes_rate and not _takes(schedule, 1):
            raise ValueError(f"schedule must be a function of (epoch, rate) or of (epoch), got {schedule!r}")

    def _check(self, names: Sequence[str], complete: bool) -> None:
        self.model.optimizer._check_no_schedule("LearningRateScheduler")

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Sets the rate."""
        optimizer = self.model.optimizer
        rate = optimizer.learning_rate
        optimizer.learning_rate = self.schedule(epoch, rate) if self._takes_rate else self.schedule(epoch)
        if self.verbose:
            print(f"Epoch {epoch + 1}: learning rate {optimizer.learning_rate:.6g}")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Adds the rate to the logs."""
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


def _takes(function: Callable[..., float], arguments: int) -> bool:
    if not callable(function):
        return False
    try:
        inspect.signature(function).bind(*range(arguments))
    except TypeError:
        return False
    except ValueError:  # a function of C that does not tell
        return True
    return True
