"""Where batches come from: arrays, of which the core picks samples itself, or whatever makes batches.

A feed is asked for an epoch at a time, and yields batches as the loops take them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from cnnfast.utils.batches import unpack_x_y_sample_weight

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cnnfast.models.data import Data
    from cnnfast.models.networks import Planned

Order = Callable[[int], "NDArray[np.int64]"]
Triple = tuple[Any, Any, Any]  # samples, labels, weights of samples; None where there are none


class Batches(NamedTuple):
    """Batches of as many samples each: what runs them, on which arrays, which of their rows, and how many."""

    planned: Planned
    arrays: list[NDArray[Any]]
    rows: NDArray[np.int64] | None
    samples: int  # of each
    steps: int = 1


class Feed(Protocol):
    """Where the batches of epochs come from."""

    @property
    def steps(self) -> int | None:
        """How many are an epoch; None: as many as come."""

    def epoch(self, order: Order | None) -> Iterator[Batches]:
        """Yields the batches of one epoch; `order` puts a number of things in an order."""


class ArrayFeed:
    """Samples that lie in memory.

    Args:
        data: The samples.
        batch: How many are a batch, at least 1.
        steps: How many batches are an epoch; None for all.
        planned: What runs a batch.
    """

    def __init__(self, data: Data, batch: int, steps: int | None, planned: Callable[[Data], Planned]) -> None:
        self._data, self._batch, self._planned = data, batch, planned
        self.steps = -(-len(data) // batch)
        if steps is not None:
            self.steps = min(steps, self.steps)

    def epoch(self, order: Order | None) -> Iterator[Batches]:
        """Yields the whole batches, in an order or as they lie, then what is left."""
        planned, arrays = self._planned(self._data), self._data.arrays
        index = None if order is None else order(len(self._data))
        whole = min(self.steps, len(self._data) // self._batch)
        if whole:
            yield Batches(planned, arrays, index, self._batch, whole)
        if whole < self.steps:
            start = whole * self._batch
            if index is None:
                rest, rows = [array[start:] for array in arrays], None
            else:
                rest, rows = arrays, index[start:]
            yield Batches(planned, rest, rows, len(self._data) - start)


class BatchFeed:
    """A generator, an object of the form of Keras's `PyDataset`, or any iterable of batches.

    A batch is x, (x,), (x, y) or (x, y, sample_weight). What has a length and items is read anew in each
    epoch, in another order where samples are shuffled; any other iterable is begun again when it ends; a
    generator goes on over epochs.

    Args:
        source: The batches.
        steps: How many are an epoch; None for as many as there are.
        checked: Makes a batch's arrays of it.
        planned: What runs them.

    Raises:
        ValueError: If there is no batch.
    """

    def __init__(
        self,
        source: Any,
        steps: int | None,
        checked: Callable[[Any, Any, Any], Data],
        planned: Callable[[Data], Planned],
    ) -> None:
        self._source, self._checked, self._planned = source, checked, planned
        self._counted = _is_counted(source)
        self.steps = len(source) if steps is None and hasattr(source, "__len__") else steps
        self._items = iter([source[0]] if self._counted and len(source) else source)
        self._waiting = list(islice(self._items, 1))  # the first, which tells what the samples are
        if not self._waiting:
            raise ValueError(f"there is no batch in {source!r}")
        self.first = as_triple(self._waiting[0])

    def epoch(self, order: Order | None) -> Iterator[Batches]:
        """Yields the batches of one epoch."""
        items = self._items_of_epoch(order) if self._counted else self._next_items()
        for item in items:
            data = self._checked(*as_triple(item))
            yield Batches(self._planned(data), data.arrays, None, len(data))

    def _next_items(self) -> Iterator[Any]:
        count, empty = 0, False  # whether what began again had nothing
        while count == 0 or (self.steps is not None and count < self.steps):
            before = count
            while self._waiting:
                yield self._waiting.pop()
                count += 1
            for item in islice(self._items, None if self.steps is None else self.steps - count):
                yield item
                count += 1
            if self.steps is None or count < self.steps:
                self._items = iter(self._source)  # a generator stays at its end
            if count == before and empty:
                raise ValueError(
                    f"the batches ended after {count} of an epoch's {self.steps or 'at least one'}; give "
                    "fewer epochs or steps, or what can begin again"
                )
            empty = count == before

    def _items_of_epoch(self, order: Order | None) -> Iterator[Any]:
        begin, end = (getattr(self._source, f"on_epoch_{when}", None) for when in ("begin", "end"))
        if begin is not None:
            begin()
        count = len(self._source)
        places = range(count) if order is None else order(count)
        for place in islice(places, self.steps):
            yield self._source[int(place)]
        if end is not None:
            end()


def makes_batches(x: Any) -> bool:
    """Whether something makes batches, rather than being samples.

    Example:
        >>> makes_batches([[1.0, 2.0]]), makes_batches(zip([1], [2]))
        (False, True)
    """
    if isinstance(x, (list, tuple, dict, str, bytes)) or hasattr(x, "shape") or hasattr(x, "__array__"):
        return False
    return hasattr(x, "__iter__") or _is_counted(x)


def _is_counted(source: Any) -> bool:
    return hasattr(source, "__getitem__") and hasattr(source, "__len__")


def batches_of(source: Any) -> Iterator[Any]:
    """Yields all batches once.

    Example:
        >>> list(batches_of(zip([1], [2])))
        [(1, 2)]
    """
    if _is_counted(source):
        return (source[number] for number in range(len(source)))
    return iter(source)


def as_triple(item: Any) -> Triple:
    """Returns samples, labels and weights of a batch of 1 to 3 parts.

    Raises:
        ValueError: If there are more.

    Example:
        >>> as_triple(([1.0], [2.0]))
        ([1.0], [2.0], None)
    """
    several = isinstance(item, tuple) or _is_pair(item)
    return unpack_x_y_sample_weight(item if several else (item,))


def _is_pair(item: Any) -> bool:
    """Whether a list is x and y, as PyTorch's DataLoader makes them, rather than several inputs."""
    return isinstance(item, list) and len(item) in (2, 3) and all(hasattr(part, "shape") for part in item)
