"""Moving averages of the weights in their place, while it is looked at how good they are."""

from __future__ import annotations

from collections.abc import Sequence

from cnnfast.callbacks.callback import Callback, Logs


class SwapEMAWeights(Callback):
    """Has validation use the moving averages of the weights, which the optimizer keeps (`use_ema=True`).

    Args:
        swap_on_epoch: Whether they are in the model's place from each epoch's end until the next one begins,
            so that callbacks behind this one see, and save, them.

    Raises:
        ValueError: Before the first epoch, if the optimizer keeps no averages.

    Source:
        Keras 3, `keras.callbacks.SwapEMAWeights`.

    Example:
        >>> SwapEMAWeights(swap_on_epoch=True).swap_on_epoch
        True
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        self.swap_on_epoch = bool(swap_on_epoch)

    def _check(self, names: Sequence[str], complete: bool) -> None:
        if not self.model.optimizer.use_ema:
            raise ValueError("SwapEMAWeights needs an optimizer that keeps averages: give it use_ema=True")

    def _swap(self, into_model: bool) -> None:
        optimizer = self.model.optimizer
        if optimizer._swapped != into_model:
            optimizer._swap_averages()

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Puts the averages in place."""
        self._swap(True)

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Puts the weights back."""
        self._swap(False)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Puts the weights back."""
        self._swap(False)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Puts the averages in place, if they are to be there between epochs."""
        if self.swap_on_epoch:
            self._swap(True)
