"""The record of a training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnfast.callbacks.callback import Callback, Logs

if TYPE_CHECKING:
    from cnnfast.models.base import BaseModel


class History(Callback):
    """What `fit` returns: loss and metrics of each epoch.

    Attributes:
        epoch: The epochs, counted from 0.
        history: Each name with one number for each epoch.

    Source:
        Keras 3, `keras.callbacks.History`.

    Example:
        >>> record = History()
        >>> record.on_epoch_end(0, {"loss": 2.5})
        >>> record.history
        {'loss': [2.5]}
    """

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}

    def set_model(self, model: BaseModel) -> None:
        """Does nothing: the model holds its history, and would not be freed if the history held the model."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Notes the epoch."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
