"""Maxima back at their places: where a maximum pooling found them, and its way back.

Both are moves and formulas. A place is the number of a cell among those of its channel, in C order.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cnnfast.config import resolve_data_format
from cnnfast.layers.layer import Layer
from cnnfast.utils.arguments import explicit_sides, normal_padding, per_axis

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.layers.layer import UnnamedOptions
    from cnnfast.layers.pooling import MaxPooling
    from cnnfast.layers.tracing import Value
    from cnnfast.utils.arguments import PaddingArgument, Sides, Sizes
    from cnnfast.utils.serialization import Config

_MOST_CELLS = 2**24  # float32 numbers them exactly
_LOWEST = float(np.finfo(np.float32).min)


def _sizes(value: Value, first: bool) -> Sizes:
    return value.dims[1:] if first else value.dims[:-1]


def _of_sample(entries: Sequence[Any], first: bool, channels: Any) -> list[Any]:
    """What is so for each spatial axis, with what is so for the channels' at its place."""
    return [channels, *entries] if first else [*entries, channels]


def _c_steps(name: str, sizes: Sizes) -> list[int]:
    """How far places step along each axis."""
    if math.prod(sizes) >= _MOST_CELLS:
        raise ValueError(
            f"layer {name!r}: places are numbers up to {_MOST_CELLS - 1}, too few for {sizes}; use smaller "
            "images"
        )
    return [math.prod(sizes[axis + 1 :]) for axis in range(len(sizes))]


def _places(begins: Sequence[Any], steps: Sequence[int], first: bool) -> Any:
    """The place of each combination of cells along the axes, to be broadcast over the channels."""
    total = np.zeros(())
    for cells, step in zip(begins, steps, strict=True):
        total = np.add.outer(total, np.asarray(cells) * step)
    return np.expand_dims(total, 0 if first else -1)


def places_of_maxima(layer: MaxPooling, inputs: Value, largest: Value) -> Value:
    """Returns the places of what a pooling layer made of its input; of equal values the first is meant."""
    from cnnfast import ops
    from cnnfast.ops.shaping import moved

    first = layer.data_format == "channels_first"
    sizes, counts = _sizes(inputs, first), _sizes(largest, first)
    window, stride, dilation = layer.pool_size, layer.strides, layer.dilation_rate
    reach = [(k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)]
    before = [side[0] for side in explicit_sides(layer.padding, sizes, reach, stride)]
    ends = [(count - 1) * s + r for count, s, r in zip(counts, stride, reach, strict=True)]
    sides = [(b, max(0, end - b - size)) for b, end, size in zip(before, ends, sizes, strict=True)]
    padded = moved(inputs, "pad", _of_sample(sides, first, (0, 0)), "constant", _LOWEST)
    channels = (0, 1, inputs.dims[0 if first else -1])
    offsets = [np.arange(k) * d for k, d in zip(window, dilation, strict=True)]
    cells = []
    for cell in itertools.product(*offsets):
        ranges = [(int(at), s, count) for at, s, count in zip(cell, stride, counts, strict=True)]
        cells.append(moved(padded, "slice", _of_sample(ranges, first, channels)))
    winner = ops.argmax(ops.stack(cells, -1), -1)
    steps = _c_steps(layer.name, sizes)
    begins = [np.arange(count) * s - b for count, s, b in zip(counts, stride, before, strict=True)]
    made: Value = _places(begins, steps, first) + ops.take(_places(offsets, steps, False).ravel(), winner)
    return made


class MaxUnpool(Layer):
    """Base of the layers that bring maxima back; see there for the arguments."""

    rank: ClassVar[int]  # number of spatial axes

    def __init__(
        self,
        pool_size: int | Sequence[int] = 2,
        strides: int | Sequence[int] | None = None,
        padding: PaddingArgument = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **options: Unpack[UnnamedOptions],
    ) -> None:
        super().__init__(name=name, **options)
        self.pool_size = per_axis(pool_size, "pool_size", self.rank)
        self.strides = self.pool_size if strides is None else per_axis(strides, "strides", self.rank)
        self.padding = normal_padding(padding, self.rank, ("valid",))
        self.data_format = resolve_data_format(data_format)

    def call(self, inputs: Value, indices: Value, output_size: int | Sequence[int] | None = None) -> Any:
        """Returns zeros with the values at their places.

        Args:
            inputs: The values.
            indices: Their places, of the same shape.
            output_size: Sizes of the output; None takes the smallest that pooling makes the input's sizes of.
        """
        from cnnfast import ops

        if len(inputs.dims) != self.rank + 1 or inputs.dims != indices.dims:
            raise ValueError(
                f"layer {self.name!r} takes values with {self.rank} spatial axes and channels, and as many "
                f"places; got shapes {inputs.shape} and {indices.shape}"
            )
        first = self.data_format == "channels_first"
        sizes = self._output_sizes(_sizes(inputs, first), output_size)
        own = _places([np.arange(size) for size in sizes], _c_steps(self.name, sizes), first)
        # Along an axis a cell may lie in several windows, of which the last is 0.
        windows = [
            range(-(-window // stride)) for window, stride in zip(self.pool_size, self.strides, strict=True)
        ]
        seen = [self._seen(each, fill, sizes, windows) for each, fill in ((inputs, 0.0), (indices, -1.0))]
        made: Any = 0.0
        for values, places in zip(*seen, strict=True):
            made = ops.where(ops.equal(places, own), values, made)
        return made

    def _seen(self, value: Value, fill: float, sizes: Sizes, windows: Sequence[range]) -> Iterator[Value]:
        """Yields for each cell of the output what its last window has, then the one before, and so on."""
        from cnnfast.ops.shaping import moved

        first = self.data_format == "channels_first"
        before = [side[0] for side in self._sides]
        front = [max(0, each[-1] * s - b) for each, s, b in zip(windows, self.strides, before, strict=True)]
        repeated = moved(value, "repeat", _of_sample(self.strides, first, 1))
        there = _sizes(repeated, first)
        back = [max(0, b + size - n) for b, size, n in zip(before, sizes, there, strict=True)]
        sides = _of_sample(list(zip(front, back, strict=True)), first, (0, 0))
        wide = moved(repeated, "pad", sides, "constant", fill)
        channels = (0, 1, value.dims[0 if first else -1])
        for shift in itertools.product(*windows):
            begins = [f + b - k * s for f, b, k, s in zip(front, before, shift, self.strides, strict=True)]
            ranges = [(begin, 1, size) for begin, size in zip(begins, sizes, strict=True)]
            yield moved(wide, "slice", _of_sample(ranges, first, channels))

    @property
    def _sides(self) -> Sides:
        return ((0, 0),) * self.rank if isinstance(self.padding, str) else self.padding

    def _output_sizes(self, sizes: Sizes, given: int | Sequence[int] | None) -> Sizes:
        usual = [
            (size - 1) * stride + window - sum(side)
            for size, stride, window, side in zip(
                sizes, self.strides, self.pool_size, self._sides, strict=True
            )
        ]
        if given is None:
            return tuple(usual)
        wanted = per_axis(given, "output_size", self.rank)
        if any(abs(w - u) >= s for w, u, s in zip(wanted, usual, self.strides, strict=True)):
            raise ValueError(
                f"layer {self.name!r}: output_size must differ from {tuple(usual)} by less than the strides "
                f"{self.strides}, got {wanted}"
            )
        return wanted

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        own = ("pool_size", "strides", "padding", "data_format")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


class MaxUnpool1D(MaxUnpool):
    """What `MaxPooling1D(return_indices=True)` returned, back at its places; elsewhere zeros.

    Called on values and their places: `layer(values, places)`, also with `output_size=`. A value whose place
    is in none of its window's cells is left out; of several with one place the first window's counts.

    Args:
        pool_size: Length of the pooling's window.
        strides: Step between windows; None means `pool_size`.
        padding: "valid", or what the pooling had: an int, or ((before, after),).
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        name: Its name in the model; None makes one up.
        options: Arguments of every layer: `trainable`, `input_shape`.

    Shapes:
        (n, m, c) -> (n, steps, c), or (n, c, m) -> (n, c, steps); the output has
        (m - 1) s + k - pads cells along an axis, or as `output_size` says, less than a stride away.

    Raises:
        ValueError: If an argument is out of its range, or, when called, shapes do not suit it.

    Source:
        PyTorch, `torch.nn.MaxUnpool1d`.

    Example:
        >>> import numpy as np
        >>> from cnnfast.layers import MaxPooling1D
        >>> x = np.array([[[1.0], [5.0], [4.0], [3.0]]])
        >>> MaxUnpool1D()(*MaxPooling1D(return_indices=True)(x)).ravel()
        array([0., 5., 4., 0.], dtype=float32)
    """

    rank = 1


class MaxUnpool2D(MaxUnpool):
    """What `MaxPooling2D(return_indices=True)` returned, back at its places; elsewhere zeros.

    Called on values and their places: `layer(values, places)`, also with `output_size=`. A value whose place
    is in none of its window's cells is left out; of several with one place the first window's counts.

    Args:
        pool_size: Height and width of the pooling's window, an int or two.
        strides: Step between windows, an int or two; None means `pool_size`.
        padding: "valid", or what the pooling had: an int, (height, width), or ((top, bottom), (left,
            right)).
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        name: Its name in the model; None makes one up.
        options: Arguments of every layer: `trainable`, `input_shape`.

    Shapes:
        (n, m, m, c) -> (n, h, w, c), or (n, c, m, m) -> (n, c, h, w); the output has
        (m - 1) s + k - pads cells along an axis, or as `output_size` says, less than a stride away.

    Raises:
        ValueError: If an argument is out of its range, or, when called, shapes do not suit it.

    Source:
        PyTorch, `torch.nn.MaxUnpool2d`.

    Example:
        >>> from cnnfast import Input
        >>> from cnnfast.layers import MaxPooling2D
        >>> pooled, places = MaxPooling2D(return_indices=True)(Input((7, 6, 3)))
        >>> MaxUnpool2D()(pooled, places, output_size=(7, 6)).shape
        (None, 7, 6, 3)
    """

    rank = 2


class MaxUnpool3D(MaxUnpool):
    """What `MaxPooling3D(return_indices=True)` returned, back at its places; elsewhere zeros.

    Called on values and their places: `layer(values, places)`, also with `output_size=`. A value whose place
    is in none of its window's cells is left out; of several with one place the first window's counts.

    Args:
        pool_size: Depth, height and width of the pooling's window, an int or three.
        strides: Step between windows, an int or three; None means `pool_size`.
        padding: "valid", or what the pooling had: an int, one for each axis, or (before, after) of
            each.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        name: Its name in the model; None makes one up.
        options: Arguments of every layer: `trainable`, `input_shape`.

    Shapes:
        (n, m, m, m, c) -> (n, d, h, w, c), or (n, c, m, m, m) -> (n, c, d, h, w); the output has
        (m - 1) s + k - pads cells along an axis, or as `output_size` says, less than a stride away.

    Raises:
        ValueError: If an argument is out of its range, or, when called, shapes do not suit it.

    Source:
        PyTorch, `torch.nn.MaxUnpool3d`.

    Example:
        >>> from cnnfast import Input
        >>> from cnnfast.layers import MaxPooling3D
        >>> MaxUnpool3D()(*MaxPooling3D(return_indices=True)(Input((4, 6, 8, 1)))).shape
        (None, 4, 6, 8, 1)
    """

    rank = 3
