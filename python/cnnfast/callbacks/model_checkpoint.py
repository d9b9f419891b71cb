"""Saving while training."""

from __future__ import annotations

import os

from cnnfast.callbacks.callback import Logs
from cnnfast.callbacks.monitor import Mode, MonitorCallback


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, after each epoch, or after each that was the best so far.

    Args:
        filepath: Where to; may hold fields such as "{epoch:02d}" (counted from 1) and "{val_loss:.3f}".
        monitor: The number that says which is best.
        verbose: 1 says when it saves.
        save_best_only: Whether only epochs better than all before are saved.
        save_weights_only: Whether only weights are saved.
        mode: "min" or "max" says which is better; "auto" knows it of the loss and the model's metrics.
        initial_value_threshold: The number to beat at first; None means any.

    Raises:
        ValueError: While training, if there is no number of that name.

    Source:
        Keras 3, `keras.callbacks.ModelCheckpoint`.

    Example:
        >>> ModelCheckpoint("best.cnnfast", monitor="val_accuracy", save_best_only=True).filepath
        'best.cnnfast'
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: Mode = "auto",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, 0.0, initial_value_threshold)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Saves."""
        if self.save_best_only:
            value = self._value(logs)
            if not self._improves(value):
                return
            self.best = value
        path = self.filepath.format(**{**(logs or {}), "epoch": epoch + 1})
        if self.verbose:
            print(f"Epoch {epoch + 1}: saving to {path}")
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)
