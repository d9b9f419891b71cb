"""Convolution on arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cnnfast.config import resolve_data_format
from cnnfast.ops.runner import run, run_grad
from cnnfast.utils.arguments import activation_name, normal_padding, pair, whole_number
from cnnfast.utils.samples import as_array

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from cnnfast._core import Activation, Graph
    from cnnfast.config import DataFormat
    from cnnfast.utils.arguments import PaddingArgument, Pair


@dataclass(frozen=True)
class _Conv:
    filters: int
    kernel_size: Pair
    strides: Pair
    padding: str | tuple[Pair, Pair]
    dilation: Pair
    groups: int
    use_bias: bool
    data_format: DataFormat
    activation: Activation

    def emit(self, graph: Graph, src: int) -> int:
        value = graph.conv(
            src,
            self.filters,
            self.kernel_size,
            self.strides,
            self.padding,
            self.dilation,
            self.groups,
            self.use_bias,
            self.data_format,
            "conv",
        )
        return (
            value
            if self.activation == "linear"
            else graph.activation(value, self.activation, self.activation)
        )


def _operation(
    kernel: NDArray[np.float32],
    strides: int | Sequence[int],
    padding: PaddingArgument,
    data_format: str | None,
    dilation_rate: int | Sequence[int],
    groups: int,
    use_bias: bool,
    activation: str | None,
) -> _Conv:
    if kernel.ndim != 4:
        raise ValueError(
            f"kernel must have shape (height, width, channels / groups, filters), got {kernel.shape}"
        )
    return _Conv(
        kernel.shape[3],
        pair(kernel.shape[:2], "the kernel's size"),
        pair(strides, "strides"),
        normal_padding(padding),
        pair(dilation_rate, "dilation_rate"),
        whole_number(groups, "groups", 1),
        use_bias,
        resolve_data_format(data_format),
        activation_name(activation),
    )


def conv(
    x: ArrayLike,
    kernel: ArrayLike,
    strides: int | Sequence[int] = 1,
    padding: PaddingArgument = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
    groups: int = 1,
    bias: ArrayLike | None = None,
    activation: str | None = None,
) -> NDArray[np.float32]:
    """Convolves (cross-correlates) images with filters.

    Formula: as `layers.Conv2D`.

    Args:
        x: Images, batch axis first.
        kernel: Filters, (height, width, channels / groups, filters).
        strides: Step between outputs, an int or two.
        padding: "valid", "same", an int, (height, width), or ((top, bottom), (left, right)).
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        dilation_rate: Distance between the taps of a filter, an int or two.
        groups: Number of groups of channels.
        bias: One number for each filter; None for none.
        activation: "relu", "tanh", "sigmoid", "softmax", "linear" or None.

    Shapes:
        (n, h, w, c) -> (n, oh, ow, filters), or (n, c, h, w) -> (n, filters, oh, ow).

    Returns:
        A float32 array.

    Raises:
        TypeError: If a dtype does not suit.
        ValueError: If shapes or arguments do not suit each other.

    Source:
        Keras 3, `keras.ops.conv`.

    Example:
        >>> import numpy as np
        >>> image = np.array([[10, 10, 10, 0, 0, 0]] * 3, np.float32)
        >>> edge = np.array([[1, 0, -1]] * 3, np.float32)
        >>> conv(image[None, :, :, None], edge[:, :, None, None]).ravel()
        array([ 0., 30., 30.,  0.], dtype=float32)
    """
    filters = np.asarray(as_array(kernel, "kernel"), np.float32)
    operation = _operation(
        filters, strides, padding, data_format, dilation_rate, groups, bias is not None, activation
    )
    return run(operation, x, [filters] if bias is None else [filters, bias])


def conv_grad(
    x: ArrayLike,
    kernel: ArrayLike,
    grad_out: ArrayLike,
    strides: int | Sequence[int] = 1,
    padding: PaddingArgument = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
    groups: int = 1,
    bias: ArrayLike | None = None,
    activation: str | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Returns the gradients of sum(grad_out * conv(x, kernel, ...)).

    Args:
        x: Images, as for `conv`.
        kernel: Filters, as for `conv`.
        grad_out: Numbers of the output's shape.
        strides: As for `conv`.
        padding: As for `conv`.
        data_format: As for `conv`.
        dilation_rate: As for `conv`.
        groups: As for `conv`.
        bias: As for `conv`; None counts as zeros.
        activation: As for `conv`.

    Returns:
        (by x, by the kernel, by the bias).

    Raises:
        TypeError: If a dtype does not suit.
        ValueError: If shapes or arguments do not suit each other.

    Example:
        >>> import numpy as np
        >>> x, kernel = np.full((1, 2, 2, 1), 3.0), np.full((2, 2, 1, 1), 5.0)
        >>> [g.ravel().tolist() for g in conv_grad(x, kernel, np.ones((1, 1, 1, 1)))]
        [[5.0, 5.0, 5.0, 5.0], [3.0, 3.0, 3.0, 3.0], [1.0]]
    """
    filters = np.asarray(as_array(kernel, "kernel"), np.float32)
    operation = _operation(filters, strides, padding, data_format, dilation_rate, groups, True, activation)
    offsets = np.zeros(operation.filters, np.float32) if bias is None else bias
    grad_x, (grad_kernel, grad_bias) = run_grad(operation, x, grad_out, [filters, offsets])
    return grad_x, grad_kernel, grad_bias
