"""Callbacks from functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnnfast.callbacks.callback import Callback


class LambdaCallback(Callback):
    """Calls the functions that it is given.

    Args:
        on_epoch_begin: Called with (epoch, logs).
        on_epoch_end: Called with (epoch, logs).
        on_train_begin: Called with (logs).
        on_train_end: Called with (logs).
        on_train_batch_begin: Called with (batch, logs).
        on_train_batch_end: Called with (batch, logs).
        others: The other methods of `Callback` by name, such as `on_test_begin` and `on_predict_batch_end`.

    Raises:
        ValueError: If nothing would call one.

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
        **others: Callable[..., object] | None,
    ) -> None:
        given = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **others,
        }
        strange = [name for name in others if not name.startswith("on_") or not hasattr(Callback, name)]
        if strange:
            raise ValueError(f"LambdaCallback has no {', '.join(strange)}: nothing would call them")
        for name, function in given.items():
            if function is not None:
                setattr(self, name, function)
