"""Normalization by the statistics of data that the layer was shown once, or that it was told."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.config import EPSILON
from cnnfast.layers.layer import Layer
from cnnfast.utils.arguments import ArgumentTypeError, entries, whole_number
from cnnfast.utils.samples import as_array

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Unpack

    from cnnfast.layers.layer import LayerOptions
    from cnnfast.utils.serialization import Config

_SAMPLES_AT_ONCE = 1024  # in float64


class Normalization(Layer):
    """Brings features to mean 0 and variance 1 by statistics that training does not change.

    Formula: (in - mean) / max(sqrt(variance), 1e-7); inverted, mean + in * max(sqrt(variance), 1e-7)

    Args:
        axis: The axis, or several, along which each place has statistics of its own, counted with the
            batch's, which is 0; None: all numbers have the same.
        mean: The means, one number or as many as there are places; None where `adapt` finds them.
        variance: The variances, likewise.
        invert: Whether it takes normalized numbers back.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Any, unchanged. Weights, unless statistics are given: mean and variance, of the axes' sizes, and a
        number that Keras keeps there.

    Raises:
        ValueError: If mean and variance do not go together, or there is no such axis.

    Source:
        Keras 3, `keras.layers.Normalization`.

    Example:
        >>> import numpy as np
        >>> layer = Normalization()
        >>> layer.adapt(np.array([[0.0, 7.0], [2.0, 9.0]]))
        >>> layer(np.array([[1.0, 9.0]]))
        array([[0., 1.]], dtype=float32)
    """

    def __init__(
        self,
        axis: int | Sequence[int] | None = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        given = (axis,) if isinstance(axis, int) else entries(axis) or ()
        self.axis = tuple(whole_number(each, "axis", -8) for each in given)
        shapes = [None if each is None else np.shape(each) for each in (mean, variance)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                "Normalization takes mean and variance of one shape, or neither; got "
                f"{mean!r} and {variance!r}"
            )
        if len(shapes[0] or ()) > len(self.axis):
            raise ValueError(
                f"mean and variance have an axis for each of axis={self.axis} at most, got shape {shapes[0]}"
            )
        self.invert = bool(invert)
        self._given = None if mean is None else [np.asarray(each, np.float64) for each in (mean, variance)]
        self._kept: tuple[int, ...] = ()
        self._like: tuple[int, ...] = ()  # the statistics' shape beside inputs of any rank
        self._shape: tuple[int, ...] = ()  # the same with the batch's axis and all others
        self._mean: Any = None  # a weight, or what was given
        self._variance: Any = None

    def build(self, input_shape: Any) -> None:
        """Makes the weights."""
        rank = len(input_shape)
        self._kept = tuple(sorted(axis + rank if axis < 0 else axis for axis in self.axis))
        if len(set(self._kept)) < len(self._kept) or not all(0 < axis < rank for axis in self._kept):
            raise ValueError(
                f"layer {self.name!r}: axis must be different ones of 1 to {rank - 1}, or counted from the "
                f"last, as the batch's is 0; got {self.axis} for shape {tuple(input_shape)}"
            )
        sizes = tuple(input_shape[axis] for axis in self._kept)
        if None in sizes:
            raise ValueError(
                f"layer {self.name!r}: the sizes of axis={self.axis} must be known, got {tuple(input_shape)}"
            )
        first = min(self._kept, default=rank)
        self._like = tuple(input_shape[axis] if axis in self._kept else 1 for axis in range(first, rank))
        self._shape = tuple(size if axis in self._kept else 1 for axis, size in enumerate(input_shape))
        if self._given is not None:
            self._mean, self._variance = (np.broadcast_to(each, sizes) for each in self._given)
            return
        self._mean = self.add_weight(sizes, "zeros", trainable=False, name="mean")
        self._variance = self.add_weight(sizes, "ones", trainable=False, name="variance")
        self.add_weight((), "zeros", trainable=False, name="count")

    @property
    def mean(self) -> NDArray[np.float32] | None:
        """The means, in a shape that broadcasts over a batch; None before the layer is built."""
        return self._told(self._mean)

    @property
    def variance(self) -> NDArray[np.float32] | None:
        """The variances, likewise."""
        return self._told(self._variance)

    def _told(self, statistics: Any) -> NDArray[np.float32] | None:
        return None if statistics is None else np.array(statistics, np.float32).reshape(self._shape)

    def adapt(self, data: Any) -> None:
        """Takes means and variances from data.

        Args:
            data: An array, or an iterable of batches, whose first part counts where they have several.

        Raises:
            ValueError: If the layer was given statistics, there is no data, or its shape does not suit.
        """
        if self._given is not None:
            raise ValueError(f"layer {self.name!r} was given mean and variance; leave them out to adapt it")
        count, mean, variance = 0, np.zeros(()), np.zeros(())
        for batch in _batches(data):
            self.build(batch.shape)
            sizes = tuple(batch.shape[axis] for axis in self._kept if axis < batch.ndim)
            if sizes != self._mean.shape:
                raise ValueError(
                    f"layer {self.name!r} has {self._mean.shape} means along axis={self.axis}, got data of "
                    f"shape {batch.shape}"
                )
            axes = tuple(axis for axis in range(batch.ndim) if axis not in self._kept)
            new = math.prod(batch.shape[axis] for axis in axes)
            share = new / (count + new)
            step = batch.mean(axes) - mean
            variance = (1 - share) * variance + share * batch.var(axes) + share * (1 - share) * step**2
            count, mean = count + new, mean + share * step
        if not count:
            raise ValueError(f"layer {self.name!r} cannot be adapted to no data")
        self.set_weights([mean, variance, np.zeros(())])

    def call(self, inputs: Any) -> Any:
        """Returns the numbers that it makes."""
        from cnnfast import ops

        mean, variance = (ops.reshape(each, self._like) for each in (self._mean, self._variance))
        deviation = ops.maximum(ops.sqrt(variance), EPSILON)
        return mean + inputs * deviation if self.invert else (inputs - mean) / deviation

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer, without its weights."""
        mean, variance = (None, None) if self._given is None else (each.tolist() for each in self._given)
        own = {"axis": self.axis or None, "mean": mean, "variance": variance, "invert": self.invert}
        return {**super().get_config(), **own}


def _batches(data: Any) -> Iterator[NDArray[np.float64]]:
    """Yields an array, or an iterable's batches, in parts."""
    if hasattr(data, "__array__"):
        whole = np.asarray(data)
        batches: Iterable[Any] = (
            whole[begin : begin + _SAMPLES_AT_ONCE] for begin in range(0, len(whole), _SAMPLES_AT_ONCE)
        )
    else:
        batches = (batch[0] if isinstance(batch, tuple) else batch for batch in data)
    for batch in batches:
        array = np.asarray(as_array(batch, "data"), np.float64)
        if not array.ndim:
            raise ArgumentTypeError(f"data must be an array of samples, or batches of them, got {batch!r}")
        yield array
