"""What makes batches for `fit`, and how a batch's parts are told apart, by Keras's names."""

from __future__ import annotations

from typing import Any


class PyDataset:
    """Base of what makes batches by number: define `__getitem__` and `__len__`.

    `fit`, `evaluate` and `predict` ask for the batches one after the other, in another order in each epoch
    where they shuffle.

    Args:
        workers, use_multiprocessing, max_queue_size: Keras's arguments; batches are made where they are
            asked for.

    Source:
        Keras 3, `keras.utils.PyDataset`.

    Example:
        >>> import numpy as np
        >>> class Halves(PyDataset):
        ...     def __len__(self):
        ...         return 2
        ...     def __getitem__(self, index):
        ...         return np.ones((4, 3)), np.full((4, 1), index)
        >>> len(Halves())
        2
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        self.workers, self.use_multiprocessing = workers, use_multiprocessing
        self.max_queue_size = max_queue_size

    def __getitem__(self, index: int) -> Any:
        """Returns the batch of this number: x, (x,), (x, y) or (x, y, sample_weight)."""
        raise NotImplementedError(f"{type(self).__name__} needs a method `__getitem__`")

    def __len__(self) -> int:
        """Returns how many batches there are."""
        raise NotImplementedError(f"{type(self).__name__} needs a method `__len__`")

    @property
    def num_batches(self) -> int:
        """How many batches there are, by Keras's other name."""
        return len(self)

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called behind each epoch."""


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """Returns a batch of what is not None: x alone, or a tuple.

    Example:
        >>> pack_x_y_sample_weight([1], [2])
        ([1], [2])
    """
    if y is None:
        return (x,) if isinstance(x, (tuple, list)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """Returns a batch's x, y and sample_weight, None where it has none.

    Raises:
        ValueError: If it is a tuple or list of more than three parts, or of none.

    Example:
        >>> unpack_x_y_sample_weight(([1], [2]))
        ([1], [2], None)
    """
    parts = tuple(data) if isinstance(data, (tuple, list)) else (data,)
    if not 1 <= len(parts) <= 3:
        raise ValueError(f"a batch must be x, (x, y) or (x, y, sample_weight), got {len(parts)} parts")
    x, y, sample_weight = (*parts, None, None)[:3]
    return x, y, sample_weight
