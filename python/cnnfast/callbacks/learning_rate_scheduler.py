"""Learning rates that change."""

from __future__ import annotations

from collections.abc import Callable

from cnnfast.callbacks.callback import Callback, Logs


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch and adds "learning_rate" to the logs.

    Args:
        schedule: Called with (epoch counted from 0, present rate); returns the new rate.
        verbose: 1 prints it.

    Source:
        Keras 3, `keras.callbacks.LearningRateScheduler`.

    Example:
        >>> halve = LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch else rate)
        >>> halve.schedule(1, 0.5)
        0.25
    """

    def __init__(self, schedule: Callable[[int, float], float], verbose: int = 0) -> None:
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Sets the rate."""
        optimizer = self.model.optimizer
        optimizer.learning_rate = self.schedule(epoch, optimizer.learning_rate)
        if self.verbose:
            print(f"Epoch {epoch + 1}: learning rate {optimizer.learning_rate:.6g}")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Adds the rate to the logs."""
        if logs is not None:
            logs["learning_rate"] = self.model.optimizer.learning_rate
