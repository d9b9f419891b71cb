"""A smaller learning rate when it gets no better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnfast.callbacks.callback import Logs
from cnnfast.callbacks.monitor import Mode, MonitorCallback
from cnnfast.utils.arguments import real_number, whole_number


class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate when a number has not got better for some epochs; NaN is never better.

    Epochs without the number, as those that are not validated, do not count. Adds "learning_rate" to the
    logs.

    Args:
        monitor: The number's name.
        factor: What the rate is multiplied by, in [0, 1).
        patience: Epochs without improvement before it is.
        verbose: 1 says when it is.
        mode: "min" or "max" says which is better; "auto" knows it of the loss and the model's metrics.
        min_delta: How much better it must get to count.
        cooldown: Epochs after a reduction in which nothing is counted.
        min_lr: The rate never falls below this, at least 0.

    Raises:
        ValueError: If an argument is out of its range; before the first epoch, if there will be no number of
            that name.

    Source:
        Keras 3, `keras.callbacks.ReduceLROnPlateau`.

    Example:
        >>> ReduceLROnPlateau(factor=0.2, patience=5, min_lr=1e-5).monitor
        'val_loss'
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: Mode = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta, None)
        self.factor = real_number(factor, "factor", below=1.0)
        self.patience = whole_number(patience, "patience", 0)
        self.verbose = verbose
        self.cooldown = whole_number(cooldown, "cooldown", 0)
        self.min_lr = real_number(min_lr, "min_lr")

    def _check(self, names: Sequence[str], complete: bool) -> None:
        super()._check(names, complete)
        self.model.optimizer._check_no_schedule("ReduceLROnPlateau")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forgets an earlier training."""
        self.best = None
        self.wait = self.cooldown_counter = 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Watches."""
        value, optimizer = self._value(logs), self.model.optimizer
        if logs is not None:
            logs["learning_rate"] = float(optimizer.learning_rate)
        if value is None:
            return
        if self.cooldown_counter:
            self.cooldown_counter -= 1
            self.wait = 0
        if self._improves(value, self.best):
            self.best, self.wait = value, 0
        elif not self.cooldown_counter:
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(optimizer, epoch)

    def _reduce(self, optimizer: Any, epoch: int) -> None:
        rate = max(optimizer.learning_rate * self.factor, self.min_lr)
        if rate >= optimizer.learning_rate:
            return
        optimizer.learning_rate = rate
        self.cooldown_counter, self.wait = self.cooldown, 0
        if self.verbose:
            print(f"Epoch {epoch + 1}: {self.monitor} stays; learning rate {rate:.6g}")
