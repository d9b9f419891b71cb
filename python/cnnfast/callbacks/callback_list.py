"""Several callbacks as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from cnnfast.callbacks.backup_and_restore import BackupAndRestore
from cnnfast.callbacks.callback import Callback, Logs
from cnnfast.callbacks.csv_logger import CSVLogger
from cnnfast.callbacks.early_stopping import EarlyStopping
from cnnfast.callbacks.history import History
from cnnfast.callbacks.learning_rate_scheduler import LearningRateScheduler
from cnnfast.callbacks.model_checkpoint import ModelCheckpoint
from cnnfast.callbacks.progress_bar import ProgressBar
from cnnfast.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from cnnfast.callbacks.swap_ema_weights import SwapEMAWeights
from cnnfast.callbacks.tensor_board import TensorBoard

if TYPE_CHECKING:
    from cnnfast.models.base import BaseModel
    from cnnfast.models.trainer import Trainer

# What Keras also calls, and nothing here does.
_NEVER_CALLED = (
    *(f"on_test_batch_{when}" for when in ("begin", "end")),
    *(f"on_predict_{when}" for when in ("begin", "end", "batch_begin", "batch_end")),
)
# Which names these add to the logs of an epoch.
_LOOK_ONLY = (
    *(BackupAndRestore, Callback, CSVLogger, EarlyStopping, History, ModelCheckpoint, ProgressBar),
    *(SwapEMAWeights, TensorBoard),
)
_ADDED: dict[Any, list[str]] = {
    **{cls.on_epoch_end: [] for cls in _LOOK_ONLY},
    **{cls.on_epoch_end: ["learning_rate"] for cls in (LearningRateScheduler, ReduceLROnPlateau)},
}


def flat(callbacks: Any) -> Iterator[Callback]:
    """Yields the callbacks of nothing, one, or lists of them.

    Raises:
        ValueError: If one is not a `Callback`, or has a method that is never called.

    Example:
        >>> list(flat(None))
        []
    """
    if isinstance(callbacks, Callback):
        for method in _NEVER_CALLED:
            if hasattr(callbacks, method):
                raise ValueError(
                    f"{type(callbacks).__name__}.{method} would never be called; cnnfast calls "
                    f"{', '.join(name for name in dir(Callback) if name.startswith('on_'))}"
                )
        yield callbacks
    elif isinstance(callbacks, (list, tuple)):
        for each in callbacks:
            yield from flat(each)
    elif callbacks is not None:
        raise ValueError(f"callbacks must be cnnfast.callbacks.Callback objects, got {callbacks!r}")


class CallbackList:
    """Calls each callback in turn; asks about batches only those that listen, since batches are many.

    Args:
        callbacks: The callbacks.
        model: The model that trains.
        params: How it trains.
        names: The names of the numbers in the logs of an epoch.

    Raises:
        ValueError, OSError: If one finds that it could not do its work.
    """

    def __init__(
        self, callbacks: Sequence[Callback], model: Trainer, params: dict[str, Any], names: list[str]
    ) -> None:
        self._callbacks = callbacks
        for callback in callbacks:
            callback.set_params(params)
            callback.set_model(cast("BaseModel", model))
        known: list[str] | None = names
        for callback in callbacks:
            callback._check(known)
            known = _names_after(callback, known)
        self._at_begin = [c for c in callbacks if _overrides(c, "on_train_batch_begin", "on_batch_begin")]
        self._at_end = [c for c in callbacks if _overrides(c, "on_train_batch_end", "on_batch_end")]

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

    def on_test_begin(self) -> None:
        """Calls each."""
        for callback in self._callbacks:
            callback.on_test_begin({})

    def on_test_end(self, logs: Logs) -> None:
        """Calls each."""
        for callback in self._callbacks:
            callback.on_test_end(logs)

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


def _overrides(callback: Callback, *methods: str) -> bool:
    own = (getattr(type(callback), method) is not getattr(Callback, method) for method in methods)
    return callback.listens_to_batches and any(own)


def _names_after(callback: Callback, names: list[str] | None) -> list[str] | None:
    """Names in the logs once a callback has had them; None where it may add what it likes."""
    added = _ADDED.get(type(callback).on_epoch_end)
    return None if names is None or added is None else [*names, *added]
