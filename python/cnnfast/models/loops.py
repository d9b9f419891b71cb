"""The loops over batches: as little Python as possible between two calls of the core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnfast.callbacks.progress_bar import batches_with_bar
from cnnfast.models.objectives import Logs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cnnfast.callbacks.callback_list import CallbackList
    from cnnfast.models.data import Data
    from cnnfast.models.trainer import Trainer

Verbose = int | str


def train_epoch(
    model: Trainer,
    data: Data,
    order: NDArray[np.int64],
    batch: int,
    names: list[str],
    callbacks: CallbackList,
) -> dict[str, float]:
    """Trains on every sample once, or until `model.stop_training`; returns the means of loss and metrics."""
    planned = model._networks.training(data.shapes, data.forms)
    step, arrays, logs = planned.network.train_step, data.arrays, Logs(planned.reports)
    begin, listening = model.optimizer._before_step, callbacks.listens_to_batches
    for number, start in enumerate(range(0, len(order), batch)):
        index = order[start : start + batch]
        if listening:
            callbacks.on_train_batch_begin(number)
        begin()
        logs.add(step([*arrays, *logs.arrays], index), len(index))
        if listening:
            callbacks.on_train_batch_end(number, dict(zip(names, logs.values, strict=True)))
        if model.stop_training:
            break
    return dict(zip(names, logs.values, strict=True))


def evaluate_all(model: Trainer, data: Data, batch: int, verbose: Verbose) -> list[float]:
    """Returns the means of loss and metrics over all samples, without training."""
    planned = model._networks.training(data.shapes, data.forms)
    step, logs = planned.network.evaluate_step, Logs(planned.reports)
    for start in batches_with_bar(len(data), batch, verbose, "evaluate"):
        part = data.part(start, start + batch)
        logs.add(step([*part.arrays, *logs.arrays]), len(part))
    return logs.values
