"""The loops over batches: as little Python as possible between two calls of the core."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from cnnfast.callbacks.progress_bar import with_bar
from cnnfast.models.objectives import Logs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cnnfast.callbacks.callback_list import CallbackList
    from cnnfast.models.feeds import Feed, Order
    from cnnfast.models.trainer import Trainer

Verbose = int | str
T = TypeVar("T")


def train_epoch(
    model: Trainer,
    feed: Feed,
    order: Order | None,
    names: list[str],
    callbacks: CallbackList,
) -> dict[str, float]:
    """Trains on an epoch's batches, or until `model.stop_training`; returns the means of loss and metrics."""
    logs: Logs | None = None
    begin, listening = model.optimizer._before_step, callbacks.listens_to("train")
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


def evaluate_all(
    feed: Feed, verbose: Verbose, names: list[str], callbacks: CallbackList | None = None
) -> list[float]:
    """Returns the means of loss and metrics over all batches, without training."""
    logs: Logs | None = None
    told = callbacks if callbacks is not None and callbacks.listens_to("test") else None
    if callbacks is not None:
        callbacks.on_test_begin()
    batches = with_bar(feed.epoch(None), feed.steps, verbose, "evaluate")
    for number, (planned, arrays, _, samples) in enumerate(batches):
        logs = logs or Logs(planned.reports)
        if told is not None:
            told.on_test_batch_begin(number)
        logs.add(planned.network.evaluate_step([*arrays, *logs.arrays]), samples)
        if told is not None:
            told.on_test_batch_end(number, dict(zip(names, logs.values, strict=True)))
    assert logs is not None  # a feed without batches refuses
    values = logs.values
    if callbacks is not None:
        callbacks.on_test_end(dict(zip(names, values, strict=True)))
    return values


def predicted(
    batches: Iterable[T],
    run: Callable[[T], list[NDArray[np.float32]]],
    packed: Callable[[list[NDArray[np.float32]]], Any],
    callbacks: CallbackList,
) -> Iterator[list[NDArray[np.float32]]]:
    """Yields what is made of each batch, and tells the callbacks.

    Args:
        batches: The batches.
        run: Makes of one an array for each output.
        packed: Brings these into the model's form.
        callbacks: Who is told.
    """
    listening = callbacks.listens_to("predict")
    callbacks.on_predict_begin()
    for number, batch in enumerate(batches):
        if listening:
            callbacks.on_predict_batch_begin(number)
        made = run(batch)
        if listening:
            callbacks.on_predict_batch_end(number, {"outputs": packed(made)})
        yield made
    callbacks.on_predict_end()
