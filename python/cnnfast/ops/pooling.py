"""Pooling: on arrays, and on what stands for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.config import resolve_data_format
from cnnfast.layers.tracing import Value
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.runner import Operation, run, run_grad
from cnnfast.utils.arguments import normal_padding, per_axis

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from cnnfast._core import Weight
    from cnnfast.config import DataFormat
    from cnnfast.layers.tracing import Tracing
    from cnnfast.utils.arguments import Padding, PaddingArgument, Sizes


@dataclass(eq=False, repr=False)
class _Pool(Operation):
    pool_size: Sizes
    strides: Sizes
    padding: Padding
    ceil_mode: bool
    data_format: DataFormat


@dataclass(eq=False, repr=False)
class _MaxPool(_Pool):
    dilation_rate: Sizes

    def emit(self, graph: Tracing, src: int, weights: Sequence[Weight] = ()) -> int:
        return graph.max_pool(
            src,
            self.pool_size,
            self.strides,
            self.padding,
            self.ceil_mode,
            self.data_format,
            graph.named("max_pool"),
            self.dilation_rate,
        )


@dataclass(eq=False, repr=False)
class _AveragePool(_Pool):
    count_include_pad: bool

    def emit(self, graph: Tracing, src: int, weights: Sequence[Weight] = ()) -> int:
        return graph.average_pool(
            src,
            self.pool_size,
            self.strides,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.data_format,
            graph.named("average_pool"),
        )


def _window(
    x: Any,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int] | None,
    padding: PaddingArgument,
    data_format: str | None,
    ceil_mode: bool,
) -> tuple[Sizes, Sizes, Padding, bool, DataFormat]:
    rank = min(max((x.ndim if isinstance(x, Value) else np.ndim(x)) - 2, 1), 3)
    size = per_axis(pool_size, "pool_size", rank)
    steps = size if strides is None else per_axis(strides, "strides", rank)
    return size, steps, normal_padding(padding, rank), bool(ceil_mode), resolve_data_format(data_format)


@operation("inputs", batches=True)
def max_pool(
    inputs: Any,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: PaddingArgument = "valid",
    data_format: str | None = None,
    ceil_mode: bool = False,
    dilation_rate: int | Sequence[int] = 1,
) -> Any:
    """Returns the largest value of each window.

    Args:
        inputs: Images, sequences or volumes, batch axis first; or what stands for them.
        pool_size: Height and width of the window, an int or one for each axis.
        strides: Step between windows, likewise; None means `pool_size`.
        padding: "valid", "same", an int, (height, width), or ((top, bottom), (left, right)).
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        ceil_mode: Whether a last window that only partly overlaps the image counts; a window larger than the
            image gives one output then.
        dilation_rate: Step between cells of a window, an int or one for each axis.

    Shapes:
        (n, h, w, c) -> (n, oh, ow, c), or (n, c, h, w) -> (n, c, oh, ow); sequences lack h, volumes have a
        depth before it.

    Raises:
        ValueError: If shapes or arguments do not suit each other.

    Source:
        Keras 3, `keras.ops.max_pool`; ceil_mode and dilation as in PyTorch.

    Example:
        >>> import numpy as np
        >>> max_pool(np.arange(16.0).reshape(1, 4, 4, 1), 2).ravel()
        array([ 5.,  7., 13., 15.], dtype=float32)
    """
    window = _window(inputs, pool_size, strides, padding, data_format, ceil_mode)
    return run(_MaxPool(*window, per_axis(dilation_rate, "dilation_rate", len(window[0]))), inputs)


def max_pool_grad(
    x: ArrayLike,
    grad_out: ArrayLike,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: PaddingArgument = "valid",
    data_format: str | None = None,
    ceil_mode: bool = False,
    dilation_rate: int | Sequence[int] = 1,
) -> NDArray[np.float32]:
    """Returns the gradient of sum(grad_out * max_pool(x, ...)) by x; of equal values the first one gets it.

    Args:
        x: Images, as for `max_pool`.
        grad_out: Numbers of the output's shape.
        pool_size: As for `max_pool`.
        strides: As for `max_pool`.
        padding: As for `max_pool`.
        data_format: As for `max_pool`.
        ceil_mode: As for `max_pool`.
        dilation_rate: As for `max_pool`.

    Raises:
        ValueError: If shapes or arguments do not suit each other.

    Example:
        >>> import numpy as np
        >>> max_pool_grad(np.arange(4.0).reshape(1, 2, 2, 1), np.ones((1, 1, 1, 1)), 2).ravel()
        array([0., 0., 0., 1.], dtype=float32)
    """
    window = _window(x, pool_size, strides, padding, data_format, ceil_mode)
    pool = _MaxPool(*window, per_axis(dilation_rate, "dilation_rate", len(window[0])))
    return run_grad(pool, x, grad_out)[0]


@operation("inputs", batches=True)
def average_pool(
    inputs: Any,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: PaddingArgument = "valid",
    data_format: str | None = None,
    ceil_mode: bool = False,
    count_include_pad: bool = False,
) -> Any:
    """Returns the mean of each window.

    Args:
        inputs: Images, sequences or volumes, batch axis first; or what stands for them.
        pool_size: Height and width of the window, an int or one for each axis.
        strides: Step between windows, likewise; None means `pool_size`.
        padding: "valid", "same", an int, (height, width), or ((top, bottom), (left, right)).
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        ceil_mode: Whether a last window that only partly overlaps the image counts; a window larger than the
            image gives one output then.
        count_include_pad: Whether padding counts, as zeros; otherwise only pixels of the image do.

    Shapes:
        (n, h, w, c) -> (n, oh, ow, c), or (n, c, h, w) -> (n, c, oh, ow); sequences lack h, volumes have a
        depth before it.

    Raises:
        ValueError: If shapes or arguments do not suit each other.

    Source:
        Keras 3, `keras.ops.average_pool`; ceil_mode and count_include_pad as in PyTorch.

    Example:
        >>> import numpy as np
        >>> average_pool(np.arange(16.0).reshape(1, 4, 4, 1), 2).ravel()
        array([ 2.5,  4.5, 10.5, 12.5], dtype=float32)
    """
    window = _window(inputs, pool_size, strides, padding, data_format, ceil_mode)
    return run(_AveragePool(*window, bool(count_include_pad)), inputs)


def average_pool_grad(
    x: ArrayLike,
    grad_out: ArrayLike,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: PaddingArgument = "valid",
    data_format: str | None = None,
    ceil_mode: bool = False,
    count_include_pad: bool = False,
) -> NDArray[np.float32]:
    """Returns the gradient of sum(grad_out * average_pool(x, ...)) by x.

    Args:
        x: Images, as for `average_pool`.
        grad_out: Numbers of the output's shape.
        pool_size: As for `average_pool`.
        strides: As for `average_pool`.
        padding: As for `average_pool`.
        data_format: As for `average_pool`.
        ceil_mode: As for `average_pool`.
        count_include_pad: As for `average_pool`.

    Raises:
        ValueError: If shapes or arguments do not suit each other.

    Example:
        >>> import numpy as np
        >>> average_pool_grad(np.zeros((1, 2, 2, 1)), np.ones((1, 1, 1, 1)), 2).ravel()
        array([0.25, 0.25, 0.25, 0.25], dtype=float32)
    """
    window = _window(x, pool_size, strides, padding, data_format, ceil_mode)
    return run_grad(_AveragePool(*window, bool(count_include_pad)), x, grad_out)[0]


@operation("inputs", batches=True)
def adaptive_average_pool(
    inputs: Any, output_size: int | Sequence[int], data_format: str | None = None
) -> Any:
    """Returns means of windows that together cover the image, as many as are wanted along each axis.

    Formula: window i of n along an axis of s goes from floor(i s / n) to below ceil((i + 1) s / n)

    Args:
        inputs: Images, sequences or volumes, batch axis first; or what stands for them.
        output_size: How many windows, an int or one for each axis.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.

    Shapes:
        (n, h, w, c) -> (n, rows, columns, c), or with the channels first; other ranks likewise.

    Raises:
        ValueError: If shapes or arguments do not suit each other.

    Source:
        PyTorch, `torch.nn.functional.adaptive_avg_pool2d`; Keras 3, `keras.ops.adaptive_average_pool`.

    Example:
        >>> import numpy as np
        >>> adaptive_average_pool(np.arange(4.0).reshape(1, 4, 1), 2).ravel()
        array([0.5, 2.5], dtype=float32)
    """
    return _adaptive(inputs, False, output_size, data_format)


@operation("inputs", batches=True)
def adaptive_max_pool(inputs: Any, output_size: int | Sequence[int], data_format: str | None = None) -> Any:
    """Returns the largest values of windows that together cover the image, as many as are wanted.

    Formula: as `adaptive_average_pool`

    Args:
        inputs: Images, sequences or volumes, batch axis first; or what stands for them.
        output_size: How many windows, an int or one for each axis.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.

    Shapes:
        (n, h, w, c) -> (n, rows, columns, c), or with the channels first; other ranks likewise.

    Raises:
        ValueError: If shapes or arguments do not suit each other.

    Source:
        PyTorch, `torch.nn.functional.adaptive_max_pool2d`; Keras 3, `keras.ops.adaptive_max_pool`.

    Example:
        >>> import numpy as np
        >>> adaptive_max_pool(np.arange(4.0).reshape(1, 4, 1), 2).ravel()
        array([1., 3.], dtype=float32)
    """
    return _adaptive(inputs, True, output_size, data_format)


def _adaptive(inputs: Any, maximum: bool, output_size: int | Sequence[int], data_format: str | None) -> Any:
    graph, x = on_graph(inputs)
    sizes = per_axis(output_size, "output_size", min(max(len(x.dims) - 1, 1), 3))
    layout = resolve_data_format(data_format)
    return graph.value(graph.adaptive_pool(x.number, maximum, sizes, layout, graph.named("adaptive_pool")))
