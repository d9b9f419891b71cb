"""Several callbacks as one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar, cast

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

C = TypeVar("C", bound=Callback)

# Which names these add to the logs of an epoch; others may add what they like.
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
        ValueError: If one is not a `Callback`.

    Example:
        >>> list(flat(None))
        []
    """
    if isinstance(callbacks, Callback):
        yield callbacks
    elif isinstance(callbacks, (list, tuple)):
        for each in callbacks:
            yield from flat(each)
    elif callbacks is not None:
        raise ValueError(f"callbacks must be cnnfast.callbacks.Callback objects, got {callbacks!r}")


class CallbackList:
    """Calls each callback in turn; asks about batches only those that listen, since batches are many.

    Args:
        callbacks: The callbacks: one, or a list.
        add_history: Whether a `History` is added, where there is none.
        add_progbar: Whether a `ProgressBar` is added, where there is none.
        model: The model that is at work.
        params: How it works, such as `epochs`, `steps` and `verbose`.

    Raises:
        ValueError: If one is no callback.

    Source:
        Keras 3, `keras.callbacks.CallbackList`.

    Example:
        >>> from cnnfast.callbacks import LambdaCallback
        >>> each = CallbackList([LambdaCallback(on_epoch_begin=lambda epoch, logs: print(epoch))], epochs=2)
        >>> each.on_epoch_begin(0)
        0
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Trainer | None = None,
        **params: Any,
    ) -> None:
        self.callbacks = list(flat(callbacks))
        self._listening: dict[str, list[Callback]] = {}
        if add_progbar and self.found(ProgressBar) is None:
            self.append(ProgressBar(params.get("verbose", "auto")))
        if add_history and self.found(History) is None:
            self.append(History())
        self.params: dict[str, Any] = {}
        self.set_params(params)
        if model is not None:
            self.set_model(model)

    def found(self, kind: type[C]) -> C | None:
        """Returns the first of a kind."""
        return next((each for each in self.callbacks if isinstance(each, kind)), None)

    def append(self, callback: Callback) -> None:
        """Adds one."""
        self.callbacks.append(callback)
        self._listening.clear()

    def set_params(self, params: dict[str, Any]) -> None:
        """Tells each how the model works."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Trainer) -> None:
        """Tells each which model is at work."""
        for callback in self.callbacks:
            callback.set_model(cast("BaseModel", model))

    def check(self, names: list[str]) -> None:
        """Has each refuse what would fail later.

        Args:
            names: The names of the numbers in the logs of epochs; those of validation may not be in each.

        Raises:
            ValueError, OSError: If one finds that it could not do its work.
        """
        known, complete = names, True
        for callback in self.callbacks:
            callback._check(known, complete)
            added = _ADDED.get(getattr(callback.on_epoch_end, "__func__", None))  # it may be the object's own
            known, complete = [*known, *(added or ())], complete and added is not None

    def listens_to(self, what: str) -> bool:
        """Whether anyone wants to hear of batches: of "train", "test" or "predict"."""
        return any(self._listeners(f"on_{what}_batch_{when}") for when in ("begin", "end"))

    def counts(self, what: str) -> bool:
        """Whether anyone wants to hear of each batch, not only of the last of several."""
        methods = (f"on_{what}_batch_{when}" for when in ("begin", "end"))
        return any(each._counts_batches for method in methods for each in self._listeners(method))

    def _listeners(self, method: str) -> list[Callback]:
        """Those with a method of their own; of training, also those that have it by Keras's older name."""
        if method not in self._listening:
            names = [method, method.replace("train_", "")]
            self._listening[method] = [each for each in self.callbacks if _overrides(each, names)]
        return self._listening[method]

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Calls each."""
        for callback in self.callbacks:
            callback.on_train_begin(logs or {})

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Calls each."""
        for callback in self.callbacks:
            callback.on_train_end(logs or {})

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Calls each."""
        for callback in self.callbacks:
            callback.on_test_begin(logs or {})

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Calls each."""
        for callback in self.callbacks:
            callback.on_test_end(logs or {})

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Calls each."""
        for callback in self.callbacks:
            callback.on_predict_begin(logs or {})

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Calls each."""
        for callback in self.callbacks:
            callback.on_predict_end(logs or {})

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Calls each."""
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch, {} if logs is None else logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Calls each; what one adds to the logs the next ones see."""
        logs = {} if logs is None else logs
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, logs)

    def _on_batch(self, method: str, batch: int, logs: Any) -> None:
        for callback in self._listeners(method):
            getattr(callback, method)(batch, logs or {})

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Calls each that listens."""
        self._on_batch("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Calls each that listens."""
        self._on_batch("on_train_batch_end", batch, logs)

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Calls each that listens."""
        self._on_batch("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Calls each that listens."""
        self._on_batch("on_test_batch_end", batch, logs)

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Calls each that listens."""
        self._on_batch("on_predict_batch_begin", batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """Calls each that listens."""
        self._on_batch("on_predict_batch_end", batch, logs)

    on_batch_begin, on_batch_end = on_train_batch_begin, on_train_batch_end  # Keras's older names


def _overrides(callback: Callback, methods: list[str]) -> bool:
    """Whether one is not that of the base, be it of its class or its own."""
    own = (
        getattr(getattr(callback, each), "__func__", None) is not getattr(Callback, each) for each in methods
    )
    return callback.listens_to_batches and any(own)
