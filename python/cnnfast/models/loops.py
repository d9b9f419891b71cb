"""The loops over batches: as little Python as possible between two calls of the core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnfast.callbacks.progress_bar import with_bar
from cnnfast.models.objectives import Logs

if TYPE_CHECKING:
    from cnnfast.callbacks.callback_list import CallbackList
    from cnnfast.models.feeds import Feed, Order
    from cnnfast.models.trainer import Trainer

Verbose = int | str


def train_epoch(
    model: Trainer,
    feed: Feed,
    order: Order | None,
    names: list[str],
    callbacks: CallbackList,
) -> dict[str, float]:
    """Trains on an epoch's batches, or until `model.stop_training`; returns the means of loss and metrics."""
    logs: Logs | None = None
    begin, listening = model.optimizer._before_step, callbacks.listens_to_batches
    for number, (planned, arrays, rows, samples) in enumerate(feed.epoch(order)):
        logs = logs or Logs(planned.reports)
        if listening:
            callbacks.on_train_batch_begin(number)
        begin()
        logs.add(planned.network.train_step([*arrays, *logs.arrays], rows), samples)
        if listening:
            callbacks.on_train_batch_end(number, dict(zip(names, logs.values, strict=True)))
        if model.stop_training:
            break
    return {} if logs is None else dict(zip(names, logs.values, strict=True))


def evaluate_all(feed: Feed, verbose: Verbose) -> list[float]:
    """Returns the means of loss and metrics over all batches, without training."""
    logs: Logs | None = None
    for planned, arrays, _, samples in with_bar(feed.epoch(None), feed.steps, verbose, "evaluate"):
        logs = logs or Logs(planned.reports)
        logs.add(planned.network.evaluate_step([*arrays, *logs.arrays]), samples)
    assert logs is not None  # a feed without batches refuses
    return logs.values
