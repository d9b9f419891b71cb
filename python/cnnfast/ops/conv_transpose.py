"""Transposed convolution on arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.ops.conv import Convolution, checked_kernel, convolution
from cnnfast.ops.runner import in_layers, run, run_grad
from cnnfast.utils.arguments import per_axis

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from cnnfast._core import Weight
    from cnnfast.layers.tracing import Tracing
    from cnnfast.utils.arguments import PaddingArgument, Sizes


@dataclass(eq=False, repr=False)
class _Transposed(Convolution):
    output_padding: Sizes | None

    def _emit_linear(self, graph: Tracing, src: int, weights: Sequence[Weight]) -> int:
        return graph.conv_transpose(
            src,
            self.filters,
            self.kernel_size,
            self.strides,
            self.padding,
            self.output_padding,
            self.dilation,
            self.groups,
            self.use_bias,
            self.data_format,
            graph.named("conv_transpose"),
            weights,
        )


def _operation(
    kernel: NDArray[np.float32],
    strides: int | Sequence[int],
    padding: PaddingArgument,
    output_padding: int | Sequence[int] | None,
    data_format: str | None,
    dilation_rate: int | Sequence[int],
    groups: int,
    use_bias: bool,
    activation: str | Callable[..., Any] | None,
) -> _Transposed:
    plain = convolution(kernel, strides, padding, data_format, dilation_rate, groups, use_bias, activation)
    more = (
        per_axis(output_padding, "output_padding", kernel.ndim - 2, 0) if output_padding is not None else None
    )
    return _Transposed(**{**vars(plain), "filters": kernel.shape[-2] * plain.groups}, output_padding=more)


@in_layers
def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: int | Sequence[int] = 1,
    padding: PaddingArgument = "valid",
    output_padding: int | Sequence[int] | None = None,
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
    groups: int = 1,
    bias: Any = None,
    activation: str | Callable[..., Any] | None = None,
) -> Any:
    """Adds a filter, times each pixel, to the output around that pixel: the gradient of `conv` by its input.

    Formula: as `layers.Conv1DTranspose`, `layers.Conv2DTranspose` and `layers.Conv3DTranspose`; the kernel
    tells which.

    Args:
        inputs: Sequences, images or volumes, batch axis first.
        kernel: Filters, (height, width, filters / groups, channels), with one or three sizes in place of
            height and width for sequences and volumes.
        strides: Step between the places that neighbouring pixels write to, an int or one for each axis.
        padding: "valid", "same", or what is cut off: an int, one for each axis, or (before, after) of each.
        output_padding: Cells added at the end, an int or one for each axis; None adds none.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        dilation_rate: Distance between the taps of a filter, an int or one for each axis.
        groups: Number of groups of channels.
        bias: One number for each filter; None for none.
        activation: A name in `cnnfast.ops`, such as "relu" or "gelu", or a function; None for none.

    Shapes:
        (n, h, w, c) -> (n, oh, ow, filters), or (n, c, h, w) -> (n, filters, oh, ow); other ranks likewise.

    Returns:
        A float32 array.

    Raises:
        ValueError: If shapes or arguments do not suit each other.

    Source:
        Keras 3, `keras.ops.conv_transpose`; explicit padding and groups as in PyTorch.

    Example:
        >>> import numpy as np
        >>> conv_transpose(np.array([[[1.0], [10.0]]]), np.array([[[1.0]], [[2.0]], [[3.0]]]), 2).ravel()
        array([ 1.,  2., 13., 20., 30.], dtype=float32)
    """
    filters = checked_kernel(kernel, inputs, "filters / groups, channels")
    operation = _operation(
        filters,
        strides,
        padding,
        output_padding,
        data_format,
        dilation_rate,
        groups,
        bias is not None,
        activation,
    )
    return run(operation, inputs, [kernel] if bias is None else [kernel, bias])


def conv_transpose_grad(
    x: ArrayLike,
    kernel: ArrayLike,
    grad_out: ArrayLike,
    strides: int | Sequence[int] = 1,
    padding: PaddingArgument = "valid",
    output_padding: int | Sequence[int] | None = None,
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
    groups: int = 1,
    bias: ArrayLike | None = None,
    activation: str | Callable[..., Any] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Returns the gradients of sum(grad_out * conv_transpose(x, kernel, ...)).

    Args:
        x: Sequences, images or volumes, as for `conv_transpose`.
        kernel: Filters, as for `conv_transpose`.
        grad_out: Numbers of the output's shape.
        strides: As for `conv_transpose`.
        padding: As for `conv_transpose`.
        output_padding: As for `conv_transpose`.
        data_format: As for `conv_transpose`.
        dilation_rate: As for `conv_transpose`.
        groups: As for `conv_transpose`.
        bias: As for `conv_transpose`; None counts as zeros.
        activation: As for `conv_transpose`.

    Returns:
        (by x, by the kernel, by the bias).

    Raises:
        ValueError: If shapes or arguments do not suit each other.

    Example:
        >>> import numpy as np
        >>> x, kernel = np.full((1, 1, 1, 1), 3.0), np.full((2, 2, 1, 1), 5.0)
        >>> [g.ravel().tolist() for g in conv_transpose_grad(x, kernel, np.ones((1, 2, 2, 1)))]
        [[20.0], [3.0, 3.0, 3.0, 3.0], [4.0]]
    """
    filters = checked_kernel(kernel, x, "filters / groups, channels")
    operation = _operation(
        filters, strides, padding, output_padding, data_format, dilation_rate, groups, True, activation
    )
    offsets = np.zeros(operation.filters, np.float32) if bias is None else bias
    grad_x, (grad_kernel, grad_bias) = run_grad(operation, x, grad_out, [filters, offsets])
    return grad_x, grad_kernel, grad_bias
