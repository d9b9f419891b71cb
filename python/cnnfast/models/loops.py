"""The loops over batches: as little Python as possible between two calls of the core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnnfast.callbacks.progress_bar import batches_with_bar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cnnfast._core import Network
    from cnnfast.callbacks.callback_list import CallbackList
    from cnnfast.models.trainer import Trainer

Verbose = int | str


@dataclass(frozen=True)
class Data:
    """Samples and labels that have passed every check."""

    x: NDArray[Any]
    y: NDArray[Any]

    def __len__(self) -> int:
        return len(self.x)

    def split(self, share: float) -> tuple[Data, Data]:
        """Returns views of the first and of the last samples; the last are `share` of all."""
        if not 0 <= share < 1:
            raise ValueError(f"validation_split must lie in [0, 1), got {share}")
        at = int(len(self) * (1 - share))
        if not 0 < at < len(self):
            raise ValueError(
                f"validation_split={share} of {len(self)} samples leaves {at} to train and {len(self) - at} "
                "to validate; both must be at least 1"
            )
        return Data(self.x[:at], self.y[:at]), Data(self.x[at:], self.y[at:])


def train_epoch(
    model: Trainer,
    data: Data,
    order: NDArray[np.int64],
    batch: int,
    names: list[str],
    callbacks: CallbackList,
) -> dict[str, float]:
    """Trains on every sample once, or until `model.stop_training`; returns the means of loss and metrics."""
    step, x, y, listening = model.network.train_step, data.x, data.y, callbacks.listens_to_batches
    totals, seen = [0.0] * len(names), 0
    for number, start in enumerate(range(0, len(order), batch)):
        index = order[start : start + batch]
        if listening:
            callbacks.on_train_batch_begin(number)
        values = step(x, y, index)
        if len(values) != len(names):
            raise RuntimeError("the model was compiled with other metrics while it trained; call fit again")
        count = len(index)
        seen += count
        for k, value in enumerate(values):
            totals[k] += value * count
        if listening:
            callbacks.on_train_batch_end(number, dict(zip(names, [t / seen for t in totals], strict=True)))
        if model.stop_training:
            break
    return dict(zip(names, [total / seen for total in totals], strict=True))


def evaluate_all(network: Network, data: Data, batch: int, numbers: int, verbose: Verbose) -> list[float]:
    """Returns the means of loss and metrics over all samples, without training."""
    totals = [0.0] * numbers
    for start in batches_with_bar(len(data), batch, verbose, "evaluate"):
        x = data.x[start : start + batch]
        for k, value in enumerate(network.evaluate_step(x, data.y[start : start + batch])):
            totals[k] += value * len(x)
    return [total / len(data) for total in totals]
