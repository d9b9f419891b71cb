"""Stopping when it gets no better."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnfast.callbacks.callback import Logs
from cnnfast.callbacks.monitor import Mode, MonitorCallback, number_to_beat
from cnnfast.utils.arguments import whole_number

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class EarlyStopping(MonitorCallback):
    """Stops training when a number has not got better for some epochs; NaN is never better.

    Epochs without the number, as those that are not validated, do not count.

    Args:
        monitor: The number's name.
        min_delta: How much better it must get to count.
        patience: Epochs without improvement to allow.
        verbose: 1 says when it stops.
        mode: "min" or "max" says which is better; "auto" knows it of the loss and the model's metrics.
        baseline: An epoch counts as better only if it also beats this number; None means any.
        restore_best_weights: Whether the weights of the best epoch are put back at the end. Where every
            number was NaN there is no best epoch, and they stay as they are.
        start_from_epoch: Epochs to wait before watching.

    Raises:
        ValueError: If an argument is out of its range; before the first epoch, if there will be no number of
            that name.

    Source:
        Keras 3, `keras.callbacks.EarlyStopping`.

    Example:
        >>> EarlyStopping(patience=3, restore_best_weights=True).monitor
        'val_loss'
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        verbose: int = 0,
        mode: Mode = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta, None)
        self.patience = whole_number(patience, "patience", 0)
        self.verbose = verbose
        self.baseline = number_to_beat(baseline, "baseline")
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = whole_number(start_from_epoch, "start_from_epoch", 0)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forgets an earlier training."""
        self.best = None
        self.wait = 0
        self.stopped_epoch = 0
        self.best_epoch = 0
        self.best_weights: list[NDArray[np.float32]] | None = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Watches."""
        value = self._value(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self._improves(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self._improves(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True
            if self.verbose:
                print(
                    f"Epoch {epoch + 1}: early stopping; best {self.monitor} in epoch {self.best_epoch + 1}"
                )

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Puts the best weights back."""
        if self.best_weights is not None:
            self.model.set_weights(self.best_weights)
