"""Depthwise convolution: filters of its own for each channel."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cnnfast.config import resolve_data_format
from cnnfast.layers.tracing import Value
from cnnfast.ops.conv import (
    Convolution,
    checked_kernel,
    conv,
    conv_grad,
    convolution,
    windows_of,
)
from cnnfast.ops.runner import in_layers, run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from cnnfast._core import Weight
    from cnnfast.layers.tracing import Tracing
    from cnnfast.utils.arguments import PaddingArgument


class _Depthwise(Convolution):
    """Its `filters` are those of one channel."""

    def _emit_linear(self, graph: Tracing, src: int, weights: Sequence[Weight]) -> int:
        return graph.depthwise_conv(
            src,
            self.filters,
            self.kernel_size,
            self.strides,
            self.padding,
            self.dilation,
            self.use_bias,
            self.data_format,
            graph.named("depthwise_conv"),
            weights,
        )


def _grouped(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    *size, channels, multiplier = kernel.shape
    return kernel.reshape(*size, 1, channels * multiplier)


@in_layers
def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: int | Sequence[int] = 1,
    padding: PaddingArgument = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
    bias: Any = None,
    activation: str | Callable[..., Any] | None = None,
) -> Any:
    """Convolves each channel of sequences, images or volumes with filters of its own.

    Formula: as `layers.DepthwiseConv1D` and `layers.DepthwiseConv2D`; the kernel tells which.

    Args:
        inputs: Sequences, images or volumes, batch axis first.
        kernel: Filters, (height, width, channels, multiplier), with one or three sizes in place of height and
            width for sequences and volumes.
        strides: Step between outputs, an int or one for each axis.
        padding: "valid", "same", an int, one for each axis, or (before, after) of each.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        dilation_rate: Distance between the taps of a filter, an int or one for each axis.
        bias: One number for each output channel; None for none.
        activation: A name in `cnnfast.ops`, such as "relu" or "gelu", or a function; None for none.

    Shapes:
        (n, h, w, c) -> (n, oh, ow, c * multiplier), or (n, c, h, w) -> (n, c * multiplier, oh, ow); other
            ranks likewise.

    Returns:
        A float32 array.

    Raises:
        ValueError: If shapes or arguments do not suit each other.

    Source:
        Keras 3, `keras.ops.depthwise_conv`.

    Example:
        >>> import numpy as np
        >>> x = np.array([1, 10, 2, 20, 3, 30], np.float32).reshape(1, 1, 3, 2)
        >>> kernel = np.ones((1, 2, 2, 1), np.float32)
        >>> depthwise_conv(x, kernel).tolist()
        [[[[3.0, 30.0], [5.0, 50.0]]]]
    """
    if isinstance(kernel, Value):
        return _by_computed(inputs, kernel, strides, padding, data_format, dilation_rate, bias, activation)
    filters = checked_kernel(kernel, inputs, "channels, multiplier")
    plain = convolution(
        filters, strides, padding, data_format, dilation_rate, 1, bias is not None, activation
    )
    operation = _Depthwise(**vars(plain))
    return run(operation, inputs, [kernel] if bias is None else [kernel, bias])


def _by_computed(
    x: Any,
    kernel: Value,
    strides: Any,
    padding: Any,
    data_format: str | None,
    dilation_rate: Any,
    bias: Any,
    activation: Any,
) -> Any:
    """By a kernel that the graph makes: sums over what each window holds, times the kernel."""
    from cnnfast import activations, ops

    first = resolve_data_format(data_format) == "channels_first"
    windows = windows_of(ops.moveaxis(x, 1, -1) if first else x, kernel, strides, padding, dilation_rate)
    *size, channels, multiplier = kernel.dims
    taps = ops.reshape(kernel, (math.prod(size), channels, multiplier))
    made = ops.sum(ops.expand_dims(windows, -1) * taps, axis=-3)
    made = ops.reshape(made, (-1, *made.dims[:-2], channels * multiplier))
    made = activations.get(activation)(made if bias is None else made + bias)
    return ops.moveaxis(made, -1, 1) if first else made


def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: int | Sequence[int] = 1,
    padding: PaddingArgument = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Any:
    """Convolves each channel with filters of its own, then each pixel's channels with others.

    Formula: conv(depthwise_conv(inputs, depthwise_kernel, ...), pointwise_kernel)

    Args:
        inputs: Sequences, images or volumes, batch axis first.
        depthwise_kernel: Filters, (height, width, channels, multiplier), as for `depthwise_conv`.
        pointwise_kernel: Filters, (1, 1, channels * multiplier, filters).
        strides: Of the first convolution, as what follows: step between outputs.
        padding: "valid", "same", an int, one for each axis, or (before, after) of each.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        dilation_rate: Distance between the taps of a filter, an int or one for each axis.

    Shapes:
        (n, h, w, c) -> (n, oh, ow, filters), or with the channels first; other ranks likewise.

    Raises:
        ValueError: If shapes or arguments do not suit each other.

    Source:
        Keras 3, `keras.ops.separable_conv`.

    Example:
        >>> import numpy as np
        >>> x = np.array([1.0, 10.0, 2.0, 20.0]).reshape(1, 2, 2)
        >>> separable_conv(x, np.ones((2, 2, 1)), np.ones((1, 2, 1))).tolist()
        [[[33.0]]]
    """
    own = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(own, pointwise_kernel, 1, "valid", data_format)


def depthwise_conv_grad(
    x: ArrayLike,
    kernel: ArrayLike,
    grad_out: ArrayLike,
    strides: int | Sequence[int] = 1,
    padding: PaddingArgument = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
    bias: ArrayLike | None = None,
    activation: str | Callable[..., Any] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Returns the gradients of sum(grad_out * depthwise_conv(x, kernel, ...)).

    Args:
        x: Sequences, images or volumes, as for `depthwise_conv`.
        kernel: Filters, as for `depthwise_conv`.
        grad_out: Numbers of the output's shape.
        strides: As for `depthwise_conv`.
        padding: As for `depthwise_conv`.
        data_format: As for `depthwise_conv`.
        dilation_rate: As for `depthwise_conv`.
        bias: As for `depthwise_conv`; None counts as zeros.
        activation: As for `depthwise_conv`.

    Returns:
        (by x, by the kernel, by the bias).

    Raises:
        ValueError: If shapes or arguments do not suit each other.

    Example:
        >>> import numpy as np
        >>> x, kernel = np.full((1, 1, 2, 2), 3.0), np.full((1, 2, 2, 1), 5.0)
        >>> [g.ravel().tolist() for g in depthwise_conv_grad(x, kernel, np.ones((1, 1, 1, 2)))]
        [[5.0, 5.0, 5.0, 5.0], [3.0, 3.0, 3.0, 3.0], [1.0, 1.0]]
    """
    filters = checked_kernel(kernel, x, "channels, multiplier")
    grad_x, grad_kernel, grad_bias = conv_grad(
        x,
        _grouped(filters),
        grad_out,
        strides,
        padding,
        data_format,
        dilation_rate,
        filters.shape[-2],
        bias,
        activation,
    )
    return grad_x, grad_kernel.reshape(filters.shape), grad_bias
