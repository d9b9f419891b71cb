"""What is called while a model trains, is evaluated and predicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from cnnfast.models.base import BaseModel

Logs = dict[str, float]  # an array where a metric tells several numbers


def one_number(value: Any) -> float:
    """Returns a number of the logs; the mean where a metric tells several.

    Example:
        >>> one_number([0.25, 0.75])
        0.5
    """
    return float(np.mean(value))


class Callback:
    """Base of the callbacks: override what you need.

    Attributes:
        model: The model that trains.
        params: {"epochs", "steps", "verbose", "batch_size"} of this `fit`.

    Source:
        Keras 3, `keras.callbacks.Callback`.

    Example:
        >>> class Shout(Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         print(f"epoch {epoch} done")
    """

    model: BaseModel
    params: dict[str, Any]

    _counts_batches = True  # False: it may be told of the last of several alone

    def _check(self, names: Sequence[str], complete: bool) -> None:
        """Refuses, before the first epoch, what would fail later.

        Args:
            names: The names in the logs of epochs; those of validation may not be in each.
            complete: Whether there are no others, as an earlier callback may add.
        """

    @property
    def listens_to_batches(self) -> bool:
        """Whether its `on_..._batch_...` are to be called, where it has its own."""
        return True

    def set_model(self, model: BaseModel) -> None:
        """Tells which model trains."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Tells how it trains."""
        self.params = params

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch, with its logs."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before an epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After an epoch, with its loss and metrics; those of validation begin with "val_"."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch, counted from 0 in each epoch."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch, with the means of loss and metrics in this epoch so far."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Keras's older name for `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Keras's older name for `on_train_batch_end`."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Before `evaluate`, and before the validation of an epoch."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """After it, with its loss and metrics."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of it."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch of it, with the means of loss and metrics so far."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Before `predict`."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """After `predict`."""

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a batch of `predict`."""

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a batch of `predict`, with {"outputs": ...}, what the model made of it."""
