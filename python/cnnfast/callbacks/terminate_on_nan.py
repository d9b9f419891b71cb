"""Stopping when the loss is no number any more."""

from __future__ import annotations

import math

from cnnfast.callbacks.callback import Callback, Logs


class TerminateOnNaN(Callback):
    """Stops training at the first batch whose loss is NaN or infinite.

    Raises:
        RuntimeError: While training, with `raise_error`, in place of stopping.

    Args:
        raise_error: Whether to raise an error in place of stopping.

    Source:
        Keras 3, `keras.callbacks.TerminateOnNaN`.

    Example:
        >>> TerminateOnNaN().listens_to_batches
        True
    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = bool(raise_error)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Looks."""
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        sentence = f"batch {batch}: the loss is {loss}; a smaller learning rate or clipping may help"
        if self.raise_error:
            raise RuntimeError(sentence)
        print(f"Stopping at {sentence}")
        self.model.stop_training = True
