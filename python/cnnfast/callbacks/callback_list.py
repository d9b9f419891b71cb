"""Several callbacks as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from cnnfast.callbacks.callback import Callback, Logs

if TYPE_CHECKING:
    from cnnfast.models.base import BaseModel
    from cnnfast.models.trainer import Trainer


class CallbackList:
    """Calls each callback in turn; asks about batches only those that listen, since batches are many.

    Args:
        callbacks: The callbacks.
        model: The model that trains.
        params: How it trains.

    Raises:
        TypeError: If one is not a `Callback`.
    """

    def __init__(self, callbacks: Sequence[Callback], model: Trainer, params: dict[str, Any]) -> None:
        for callback in callbacks:
            if not isinstance(callback, Callback):
                raise TypeError(f"callbacks must be cnnfast.callbacks.Callback objects, got {callback!r}")
        self._callbacks = callbacks
        for callback in callbacks:
            callback.set_params(params)
            callback.set_model(cast("BaseModel", model))
        self._at_begin = [c for c in callbacks if _overrides(c, "on_train_batch_begin")]
        self._at_end = [c for c in callbacks if _overrides(c, "on_train_batch_end")]

    @property
    def listens_to_batches(self) -> bool:
        """Whether anyone wants to hear of batches."""
        return bool(self._at_begin or self._at_end)

    def on_train_begin(self) -> None:
        """Calls each."""
        for callback in self._callbacks:
            callback.on_train_begin({})

    def on_train_end(self, logs: Logs) -> None:
        """Calls each."""
        for callback in self._callbacks:
            callback.on_train_end(logs)

    def on_epoch_begin(self, epoch: int) -> None:
        """Calls each."""
        for callback in self._callbacks:
            callback.on_epoch_begin(epoch, {})

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Calls each; what one adds to the logs the next ones see."""
        for callback in self._callbacks:
            callback.on_epoch_end(epoch, logs)

    def on_train_batch_begin(self, batch: int) -> None:
        """Calls each that listens."""
        for callback in self._at_begin:
            callback.on_train_batch_begin(batch, {})

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """Calls each that listens."""
        for callback in self._at_end:
            callback.on_train_batch_end(batch, logs)


def _overrides(callback: Callback, method: str) -> bool:
    return callback.listens_to_batches and getattr(type(callback), method) is not getattr(Callback, method)
