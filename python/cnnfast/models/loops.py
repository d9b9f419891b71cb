"""The loops over batches: the core runs as many of them at a time as Python can wait for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from cnnfast.callbacks.progress_bar import bar_of
from cnnfast.models.objectives import Logs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cnnfast._core import Graph, Network
    from cnnfast.callbacks.callback_list import CallbackList
    from cnnfast.models.feeds import Batches, Feed, Order
    from cnnfast.models.trainer import Trainer

Verbose = int | str
T = TypeVar("T")

_SECONDS = 0.1  # after which a signal, a bar and `stop_training` are looked at


class _Steps:
    """The steps on batches of one size.

    Args:
        batches: The batches.
        run: The core's function for them.
        logs: Where their results are added.
        alone: Whether Python is asked between any two.
        rates: Tells the learning rates of so many.
    """

    def __init__(
        self,
        batches: Batches,
        run: Callable[..., Any],
        logs: Logs,
        alone: bool,
        rates: Callable[[int], list[float]] | None = None,
    ) -> None:
        self._batches, self._run, self._logs, self._rates = batches, run, logs, rates
        self._alone = alone or bool(logs.arrays)  # which a metric's own step reads and Python writes
        self._done, self._most = 0, 1  # how many it takes at a time is found out: all are checked before

    @property
    def left(self) -> int:
        """How many are left."""
        return self._batches.steps - self._done

    def run(self) -> int:
        """Runs some; returns how many."""
        _, arrays, rows, samples, _ = self._batches
        some = min(self._most, self.left)
        part = slice(self._done * samples, (self._done + some) * samples)
        if rows is None:
            arrays = [array[part] for array in arrays]
        else:
            rows = rows[part]
        rates = [] if self._rates is None else [self._rates(some)]
        reports = self._run([*arrays, *self._logs.arrays], samples, rows, _SECONDS, *rates)
        for report in reports:
            self._logs.add(report, samples)
        self._done += len(reports)
        self._most = 1 if self._alone else 2 * len(reports)
        return len(reports)


def train_epoch(
    model: Trainer,
    feed: Feed,
    order: Order | None,
    names: list[str],
    callbacks: CallbackList,
) -> dict[str, float]:
    """Trains on an epoch's batches, or until `model.stop_training`; returns the means of loss and metrics."""
    logs: Logs | None = None
    optimizer, listening, number = model.optimizer, callbacks.listens_to("train"), 0
    # A step that is traced reads its rate from a variable, which Python writes.
    alone = callbacks.counts("train") or (optimizer._is_traced and optimizer._follows_schedule)
    for batches in feed.epoch(order):
        logs = logs or Logs(batches.planned.reports)
        steps = _Steps(batches, batches.planned.network.train_steps, logs, alone, optimizer._next_rates)
        while steps.left:
            if listening:
                callbacks.on_train_batch_begin(number)
            optimizer._before_step()
            number += steps.run()
            if listening:
                callbacks.on_train_batch_end(number - 1, dict(zip(names, logs.values, strict=True)))
            if model.stop_training:
                return dict(zip(names, logs.values, strict=True))
    return {} if logs is None else dict(zip(names, logs.values, strict=True))


def evaluate_all(
    feed: Feed, verbose: Verbose, names: list[str], callbacks: CallbackList | None = None
) -> list[float]:
    """Returns the means of loss and metrics over all batches, without training."""
    logs: Logs | None = None
    number = 0
    told = callbacks if callbacks is not None and callbacks.listens_to("test") else None
    if callbacks is not None:
        callbacks.on_test_begin()
    with bar_of(feed.steps, verbose, "evaluate") as move:
        for batches in feed.epoch(None):
            logs = logs or Logs(batches.planned.reports)
            steps = _Steps(batches, batches.planned.network.evaluate_steps, logs, told is not None)
            while steps.left:
                if told is not None:
                    told.on_test_batch_begin(number)
                made = steps.run()
                number += made
                if told is not None:
                    told.on_test_batch_end(number - 1, dict(zip(names, logs.values, strict=True)))
                move(made)
    assert logs is not None  # a feed without batches refuses
    values = logs.values
    if callbacks is not None:
        callbacks.on_test_end(dict(zip(names, values, strict=True)))
    return values


def predict_arrays(
    network: Network,
    samples: list[NDArray[Any]],
    batch: int,
    verbose: Verbose,
    packed: Callable[[list[NDArray[np.float32]]], Any],
    callbacks: CallbackList,
) -> list[NDArray[np.float32]]:
    """Returns the outputs for all samples, which are read batch by batch.

    Args:
        network: The network.
        samples: An array for each input.
        batch: Samples at a time.
        verbose: Whether there is a bar.
        packed: Brings a batch's outputs into the model's form.
        callbacks: Who is told.
    """
    listening = callbacks.listens_to("predict")
    count, at, number, most = len(samples[0]), 0, 0, 1
    rooms = [_Room(network.graph, output, count, -(-count // batch)) for output in network.outputs]
    callbacks.on_predict_begin()
    with bar_of(-(-count // batch), verbose, "predict") as move:
        while at < count:
            size = min(batch, count - at)
            if listening:
                callbacks.on_predict_batch_begin(number)
            some = min(most, (count - at) // size)
            inputs = [each[at : at + some * size] for each in samples]
            parts = [room.part(at, some * size, number, some) for room in rooms]
            made = network.predict_into(inputs, parts, size, _SECONDS)
            most = 1 if listening else 2 * made
            if listening:
                callbacks.on_predict_batch_end(number, {"outputs": packed(parts)})
            at, number = at + made * size, number + made
            move(made)
    callbacks.on_predict_end()
    return [room.array for room in rooms]


class _Room:
    """For all that an output is: a row for each sample; what is one for a whole batch, batch after batch.

    Args:
        graph: The network's.
        output: The output's number in it.
        samples: How many there are.
        batches: In how many batches.

    Raises:
        ValueError: If the output is one number for a whole batch, which has no axis to put others along.
    """

    def __init__(self, graph: Graph, output: int, samples: int, batches: int) -> None:
        dims, self._by_sample = graph.shape(output), graph.rows(output) > 0
        if not self._by_sample and not dims:
            raise ValueError(
                "an output is a single number for each batch, and predict joins batches along the first "
                "axis; keep axes where it is made (keepdims=True), or use predict_on_batch"
            )
        self._height = 1 if self._by_sample else dims[0]
        shape = (samples, *dims) if self._by_sample else (batches * dims[0], *dims[1:])
        self.array = np.empty(shape, np.float32)

    def part(self, sample: int, samples: int, batch: int, batches: int) -> NDArray[np.float32]:
        """Returns that for some samples from one on, which are some batches."""
        first, count = (sample, samples) if self._by_sample else (batch, batches)
        return self.array[first * self._height : (first + count) * self._height]


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
