"""What makes batches of arrays: parts of data sets, windows of time series, sequences of one length."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.config import next_seed
from cnnfast.utils.arguments import one_of, whole_number
from cnnfast.utils.batches import PyDataset
from cnnfast.utils.nest import leaves, mapped

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class Batches(PyDataset):
    """Batches of samples that a function picks.

    Args:
        count: How many samples there are.
        pick: Returns what belongs to samples of these numbers: x, or (x, y).
        batch_size: Samples in a batch; None: one at a time, without a batch's axis.
        shuffle: Whether samples come in another order in each epoch.
        seed: Which orders these are; None follows `cnnfast.set_random_seed`.

    Example:
        >>> each = Batches(5, lambda numbers: numbers * 10, 2)
        >>> len(each), [batch.tolist() for batch in each]
        (3, [[0, 10], [20, 30], [40]])
    """

    def __init__(
        self,
        count: int,
        pick: Callable[[NDArray[np.int64]], Any],
        batch_size: int | None,
        shuffle: bool = False,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        self.batch_size = None if batch_size is None else whole_number(batch_size, "batch_size", 1)
        self._pick, self._order = pick, np.arange(count)
        seed = next_seed() if shuffle and seed is None else seed
        self._generator = np.random.default_rng(seed) if shuffle else None
        self.on_epoch_end()

    def __len__(self) -> int:
        """Returns how many batches there are."""
        return -(-len(self._order) // (self.batch_size or 1))

    def __getitem__(self, index: int) -> Any:
        """Returns a batch."""
        if not 0 <= index < len(self):
            raise IndexError(f"there are {len(self)} batches, got index {index}")
        size = self.batch_size or 1
        made = self._pick(self._order[index * size : (index + 1) * size])
        return mapped(lambda each: each[0], made) if self.batch_size is None else made

    def __iter__(self) -> Iterator[Any]:
        """Yields the batches of an epoch."""
        for index in range(len(self)):
            yield self[index]

    def on_epoch_end(self) -> None:
        """Puts samples into another order."""
        if self._generator is not None:
            self._generator.shuffle(self._order)


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: Any = None,
) -> tuple[Batches, Batches]:
    """Splits samples in two parts.

    Args:
        dataset: An array, a tuple, list or dict of arrays with as many samples, or an iterable of samples.
        left_size: How many samples are in the first part: a share in (0, 1), or a number; None: the rest.
        right_size: The same of the second part.
        shuffle: Whether they are put in another order first.
        seed: Which order that is; None follows `cnnfast.set_random_seed`.
        preferred_backend: Keras's argument; nothing here depends on it.

    Returns:
        Two objects that yield samples, and that `fit` takes as batches of one.

    Raises:
        ValueError: If there are no samples, or not as many as the parts want.

    Source:
        Keras 3, `keras.utils.split_dataset`.

    Example:
        >>> left, right = split_dataset(np.arange(10), left_size=0.8)
        >>> len(left), [int(each) for each in right]
        (8, [8, 9])
    """
    data = _stacked(dataset)
    counts = {len(each) for each in leaves(data)}
    if len(counts) != 1:
        raise ValueError(f"all arrays of a data set must have as many samples, got {sorted(counts)}")
    count = counts.pop()
    first = _left(left_size, right_size, count)
    second = count - first if right_size is None else _part(right_size, count, "right_size")
    order = (
        np.random.default_rng(next_seed() if seed is None else seed).permutation(count)
        if shuffle
        else np.arange(count)
    )

    def part(places: NDArray[np.int64]) -> Batches:
        return Batches(len(places), lambda numbers: mapped(lambda each: each[places[numbers]], data), None)

    return part(order[:first]), part(order[count - second :])


def _stacked(dataset: Any) -> Any:
    """Arrays of all samples."""
    if hasattr(dataset, "__array__"):
        return np.asarray(dataset)
    if isinstance(dataset, (tuple, list, dict)) and all(hasattr(e, "__array__") for e in leaves(dataset)):
        return mapped(np.asarray, dataset)
    samples = list(dataset)
    if not samples:
        raise ValueError("there are no samples to split")
    if isinstance(samples[0], (tuple, list)):
        return tuple(np.stack([np.asarray(sample[i]) for sample in samples]) for i in range(len(samples[0])))
    return np.stack([np.asarray(sample) for sample in samples])


def _left(left: float | None, right: float | None, count: int) -> int:
    if left is None and right is None:
        raise ValueError("split_dataset needs left_size, right_size or both")
    first = count - _part(right, count, "right_size") if left is None else _part(left, count, "left_size")
    total = first + (0 if right is None else _part(right, count, "right_size"))
    if not 0 < first < count or total > count:
        raise ValueError(f"{count} samples cannot be split by left_size={left!r}, right_size={right!r}")
    return first


def _part(size: float | None, count: int, name: str) -> int:
    if isinstance(size, float):
        if not 0 < size < 1:
            raise ValueError(f"{name} must be a share in (0, 1) or a whole number, got {size}")
        return round(size * count)
    return whole_number(size, name, 1)


def timeseries_dataset_from_array(
    data: ArrayLike,
    targets: ArrayLike | None,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: Any = None,
) -> Batches:
    """Makes batches of windows of a time series.

    Args:
        data: Numbers, the first axis being time.
        targets: What belongs to the window that begins at each time; None for none.
        sequence_length: Steps in a window.
        sequence_stride: Times between the beginnings of windows.
        sampling_rate: Times between the steps of a window.
        batch_size: Windows in a batch; None: one at a time, without a batch's axis.
        shuffle: Whether windows come in another order in each epoch.
        seed: Which orders these are; None follows `cnnfast.set_random_seed`.
        start_index: The first time that is used; None is the first there is.
        end_index: The time at which to stop; None uses all.
        format: Keras's argument; nothing here depends on it.

    Returns:
        What `fit` takes as x: windows (n, sequence_length, ...), or (windows, targets).

    Raises:
        ValueError: If no window fits, or an argument is out of its range.

    Source:
        Keras 3, `keras.utils.timeseries_dataset_from_array`.

    Example:
        >>> each = timeseries_dataset_from_array(np.arange(6), np.arange(6) * 10, 3, sequence_stride=2)
        >>> x, y = each[0]
        >>> x.tolist(), y.tolist()
        ([[0, 1, 2], [2, 3, 4]], [0, 20])
    """
    length, rate = (
        whole_number(sequence_length, "sequence_length", 1),
        whole_number(sampling_rate, "sampling_rate", 1),
    )
    stride = whole_number(sequence_stride, "sequence_stride", 1)
    begin = whole_number(start_index or 0, "start_index", 0)
    values = np.asarray(data)[begin:end_index]
    wanted = None if targets is None else np.asarray(targets)[begin:]
    count = len(values) - (length - 1) * rate
    count = count if wanted is None else min(count, len(wanted))
    starts = np.arange(0, count, stride)
    if not len(starts):
        raise ValueError(f"no window of {length} steps, {rate} apart, fits {len(values)} times")
    steps = np.arange(0, length * rate, rate)

    def pick(numbers: NDArray[np.int64]) -> Any:
        windows = values[starts[numbers][:, None] + steps]
        return windows if wanted is None else (windows, wanted[starts[numbers]])

    return Batches(len(starts), pick, batch_size, shuffle, seed)


def pad_sequences(
    sequences: Sequence[Any],
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> NDArray[Any]:
    """Brings sequences to one length.

    Args:
        sequences: The sequences, each a list or an array.
        maxlen: The length; None is that of the longest.
        dtype: Of what is returned.
        padding: "pre" or "post": whether what is missing is put before or behind.
        truncating: "pre" or "post": whether what is too much is taken from the front or the end.
        value: What is put there.

    Returns:
        (sequences, maxlen, ...)

    Raises:
        ValueError: If what is in sequences has several shapes, or an argument is not known.

    Source:
        Keras 3, `keras.utils.pad_sequences`.

    Example:
        >>> pad_sequences([[1], [2, 3, 4]], maxlen=2)
        array([[0, 1],
               [3, 4]], dtype=int32)
    """
    one_of(padding, "padding", ("pre", "post"))
    one_of(truncating, "truncating", ("pre", "post"))
    arrays = [np.asarray(each, dtype) for each in sequences]
    if any(each.ndim == 0 for each in arrays):
        raise ValueError("pad_sequences takes sequences, each a list or an array")
    length = max(map(len, arrays), default=0) if maxlen is None else whole_number(maxlen, "maxlen", 0)
    shapes = {each.shape[1:] for each in arrays if len(each)}
    if len(shapes) > 1:
        raise ValueError(f"what is in sequences must have one shape, got {sorted(shapes)}")
    made = np.full((len(arrays), length, *(shapes.pop() if shapes else ())), value, dtype)
    for row, each in zip(made, arrays, strict=True):
        kept = each[max(0, len(each) - length) :] if truncating == "pre" else each[:length]
        if len(kept):
            row[slice(len(kept)) if padding == "post" else slice(length - len(kept), None)] = kept
    return made


def normalize(x: ArrayLike, axis: int = -1, order: float = 2) -> NDArray[Any]:
    """Divides by the norm along an axis, where it is not 0.

    Args:
        x: The numbers.
        axis: The axis.
        order: Of the norm; 2 is the root of the sum of squares.

    Source:
        Keras 3, `keras.utils.normalize`.

    Example:
        >>> normalize([[3.0, 4.0], [0.0, 0.0]])
        array([[0.6, 0.8],
               [0. , 0. ]])
    """
    values = np.asarray(x)
    norm = np.linalg.norm(values, order, axis, keepdims=True)
    made: NDArray[Any] = values / np.where(norm == 0, 1, norm)
    return made
