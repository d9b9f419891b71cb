"""Callbacks from functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnnfast.callbacks.callback import Callback, Logs


class LambdaCallback(Callback):
    """Calls the functions that it is given.

    Args:
        on_epoch_begin: Called with (epoch, logs).
        on_epoch_end: Called with (epoch, logs).
        on_train_begin: Called with (logs).
        on_train_end: Called with (logs).
        on_train_batch_begin: Called with (batch, logs).
        on_train_batch_end: Called with (batch, logs).
        on_test_begin: Called with (logs).
        on_test_end: Called with (logs).

    Raises:
        ValueError: If there are others.

    Source:
        Keras 3, `keras.callbacks.LambdaCallback`.

    Example:
        >>> LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch)).on_epoch_end(3, {})
        3
    """

    def __init__(
        self,
        on_epoch_begin: Callable[[int, Any], object] | None = None,
        on_epoch_end: Callable[[int, Any], object] | None = None,
        on_train_begin: Callable[[Any], object] | None = None,
        on_train_end: Callable[[Any], object] | None = None,
        on_train_batch_begin: Callable[[int, Any], object] | None = None,
        on_train_batch_end: Callable[[int, Any], object] | None = None,
        *,
        on_test_begin: Callable[[Any], object] | None = None,
        on_test_end: Callable[[Any], object] | None = None,
        **others: Any,
    ) -> None:
        if others:
            raise ValueError(f"LambdaCallback has no {', '.join(others)}: nothing would call them")
        self._epoch_begin = on_epoch_begin
        self._epoch_end = on_epoch_end
        self._train_begin = on_train_begin
        self._train_end = on_train_end
        self._batch_begin = on_train_batch_begin
        self._batch_end = on_train_batch_end
        self._test_begin = on_test_begin
        self._test_end = on_test_end

    @property
    def listens_to_batches(self) -> bool:
        """Whether there is a function for batches."""
        return bool(self._batch_begin or self._batch_end)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Calls its function."""
        if self._train_begin:
            self._train_begin(logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Calls its function."""
        if self._train_end:
            self._train_end(logs)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Calls its function."""
        if self._epoch_begin:
            self._epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Calls its function."""
        if self._epoch_end:
            self._epoch_end(epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Calls its function."""
        if self._batch_begin:
            self._batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Calls its function."""
        if self._batch_end:
            self._batch_end(batch, logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Calls its function."""
        if self._test_begin:
            self._test_begin(logs)

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Calls its function."""
        if self._test_end:
            self._test_end(logs)
