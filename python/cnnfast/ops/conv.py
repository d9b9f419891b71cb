"""Convolution: on arrays, and in what is traced by weights or by kernels that are computed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.config import resolve_data_format
from cnnfast.layers.activation import activation_of, emit_activation
from cnnfast.layers.tracing import Value
from cnnfast.ops.runner import Operation, computed_error, in_layers, run, run_grad
from cnnfast.utils.arguments import normal_padding, per_axis, whole_number
from cnnfast.utils.samples import as_array

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from cnnfast._core import Weight
    from cnnfast.config import DataFormat
    from cnnfast.layers.tracing import Tracing
    from cnnfast.utils.arguments import Padding, PaddingArgument, Sizes


@dataclass(eq=False, repr=False)
class Convolution(Operation):
    """A convolution with everything but its weights' values."""

    filters: int
    kernel_size: Sizes
    strides: Sizes
    padding: Padding
    dilation: Sizes
    groups: int
    use_bias: bool
    data_format: DataFormat
    activation: str | Callable[..., Any]

    def emit(self, graph: Tracing, src: int, weights: Sequence[Weight] = ()) -> int:
        """Adds it to a graph, with weights of its own where none are given."""
        value = self._emit_linear(graph, src, weights)
        if self.activation == "linear":
            return value
        return emit_activation(graph, value, self.activation, "activation")

    def _emit_linear(self, graph: Tracing, src: int, weights: Sequence[Weight]) -> int:
        return graph.conv(
            src,
            self.filters,
            self.kernel_size,
            self.strides,
            self.padding,
            self.dilation,
            self.groups,
            self.use_bias,
            self.data_format,
            graph.named("conv"),
            weights,
        )


def checked_kernel(kernel: ArrayLike, x: ArrayLike, channels: str) -> NDArray[np.float32]:
    """Returns a kernel as float32.

    Args:
        kernel: The array.
        x: What it is for.
        channels: What its last two axes are, for a person.

    Raises:
        ValueError: If it is computed, has not as many axes as `x`, or not one to three besides its last two.

    Example:
        >>> checked_kernel([[[1.0]]], np.ones((1, 5, 1)), "channels / groups, filters").shape
        (1, 1, 1)
    """
    if isinstance(kernel, Value):
        raise computed_error(kernel)
    array = np.asarray(as_array(kernel, "kernel"), np.float32)
    rank = x.ndim if isinstance(x, Value) else np.ndim(x)
    if array.ndim != rank or not 3 <= array.ndim <= 5:
        raise ValueError(
            f"kernel must have as many axes as x: (height, width, {channels}) for images, one or three sizes "
            f"in place of height and width for sequences and volumes; x has {rank}, kernel "
            f"{array.shape}"
        )
    return array


def convolution(
    kernel: NDArray[np.float32],
    strides: int | Sequence[int],
    padding: PaddingArgument,
    data_format: str | None,
    dilation_rate: int | Sequence[int],
    groups: int,
    use_bias: bool,
    activation: str | Callable[..., Any] | None,
) -> Convolution:
    """Returns the operation of a kernel and of arguments as `conv` takes them."""
    rank = kernel.ndim - 2
    return Convolution(
        kernel.shape[-1],
        per_axis(kernel.shape[:-2], "the kernel's size", rank),
        per_axis(strides, "strides", rank),
        normal_padding(padding, rank),
        per_axis(dilation_rate, "dilation_rate", rank),
        whole_number(groups, "groups", 1),
        use_bias,
        resolve_data_format(data_format),
        activation_of(activation),
    )


def _groups(kernel: NDArray[np.float32], x: Any, data_format: str | None) -> int:
    shape = x.shape if isinstance(x, Value) else np.shape(x)
    channels = shape[1 if resolve_data_format(data_format) == "channels_first" else -1]
    return max(int(channels or 1) // int(kernel.shape[-2]), 1)


@in_layers
def conv(
    inputs: Any,
    kernel: Any,
    strides: int | Sequence[int] = 1,
    padding: PaddingArgument = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
    groups: int | None = None,
    bias: Any = None,
    activation: str | Callable[..., Any] | None = None,
) -> Any:
    """Convolves (cross-correlates) sequences, images or volumes with filters.

    Formula: as `layers.Conv1D`, `layers.Conv2D` and `layers.Conv3D`; the kernel tells which.

    Args:
        inputs: Sequences, images or volumes, batch axis first; or what stands for them.
        kernel: Filters, (height, width, channels / groups, filters), with one or three sizes in place of
            height and width for sequences and volumes; in a `call` an array, a weight, or what was made of
            weights.
        strides: Step between outputs, an int or one for each axis.
        padding: "valid", "same", an int, one for each axis, or (before, after) of each.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        dilation_rate: Distance between the taps of a filter, an int or one for each axis.
        groups: Number of groups of channels; None is what the channels of inputs and of the kernel tell.
        bias: One number for each filter; None for none.
        activation: A name in `cnnfast.ops`, such as "relu" or "gelu", or a function; None for none.

    Shapes:
        (n, h, w, c) -> (n, oh, ow, filters), or (n, c, h, w) -> (n, filters, oh, ow); other ranks likewise.

    Returns:
        A float32 array.

    Raises:
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
    if isinstance(kernel, Value):
        return _by_computed(
            inputs, kernel, strides, padding, data_format, dilation_rate, groups, bias, activation
        )
    filters = checked_kernel(kernel, inputs, "channels / groups, filters")
    count = _groups(filters, inputs, data_format) if groups is None else groups
    operation = convolution(
        filters, strides, padding, data_format, dilation_rate, count, bias is not None, activation
    )
    return run(operation, inputs, [kernel] if bias is None else [kernel, bias])


def _by_computed(
    x: Any,
    kernel: Value,
    strides: Any,
    padding: Any,
    data_format: str | None,
    dilation_rate: Any,
    groups: int | None,
    bias: Any,
    activation: Any,
) -> Any:
    """By a kernel that the graph makes: a product with what each window of the images holds."""
    from cnnfast import activations, ops

    first = resolve_data_format(data_format) == "channels_first"
    rows = ops.moveaxis(x, 1, -1) if first else x
    *size, channels, filters = kernel.dims
    count = max(rows.dims[-1] // channels, 1) if groups is None else whole_number(groups, "groups", 1)
    windows = windows_of(rows, kernel, strides, padding, dilation_rate)
    taps = math.prod(size)
    parts = []
    for i in range(count):
        own = windows if count == 1 else windows[..., i * channels : (i + 1) * channels]
        flat = ops.reshape(own, (-1, *own.dims[:-2], taps * channels))
        filter_of = kernel[..., i * (filters // count) : (i + 1) * (filters // count)]
        parts.append(ops.matmul(flat, ops.reshape(filter_of, (taps * channels, filters // count))))
    made = parts[0] if count == 1 else ops.concatenate(parts, axis=-1)
    made = activations.get(activation)(made if bias is None else made + bias)
    return ops.moveaxis(made, -1, 1) if first else made


def windows_of(x: Value, kernel: Value, strides: Any, padding: Any, dilation_rate: Any) -> Any:
    """Returns what each window of a kernel's size holds, (n, ..., taps, channels); channels last in x, too.

    Raises:
        ValueError: If the kernel has not as many axes as x, or not one to three besides its last two.

    Example:
        >>> from cnnfast.layers.tracing import Tracing
        >>> graph = Tracing()
        >>> x, kernel = graph.value(graph.input((9, 2), "x")), graph.as_value(np.ones((3, 2, 4)))
        >>> with graph.within():
        ...     windows_of(x, kernel, 1, "valid", 1)
        <Value shape=(None, 7, 3, 2)>
    """
    from cnnfast import ops

    rank = kernel.ndim - 2
    if kernel.ndim != x.ndim or not 1 <= rank <= 3:
        raise ValueError(
            f"kernel must have as many axes as x, two of them channels; x has shape {x.shape}, kernel "
            f"{kernel.shape}"
        )
    size = kernel.dims[:-2]
    steps, gaps = per_axis(strides, "strides", rank), per_axis(dilation_rate, "dilation_rate", rank)
    around = normal_padding(padding, rank)
    if not isinstance(around, str):
        x, around = ops.pad(x, ((0, 0), *around, (0, 0))), "valid"
    channels = x.dims[-1]
    if rank == 1:  # as images of one row
        x, size, steps, gaps = ops.expand_dims(x, 1), (1, *size), (1, *steps), (1, *gaps)
    extract = ops.image.extract_patches_3d if rank == 3 else ops.image.extract_patches
    made = extract(x, tuple(size), steps, gaps, around, "channels_last")
    return ops.reshape(made, (-1, *made.dims[rank == 1 : -1], math.prod(size), channels))


def conv_grad(
    x: ArrayLike,
    kernel: ArrayLike,
    grad_out: ArrayLike,
    strides: int | Sequence[int] = 1,
    padding: PaddingArgument = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
    groups: int | None = None,
    bias: ArrayLike | None = None,
    activation: str | Callable[..., Any] | None = None,
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
        ValueError: If shapes or arguments do not suit each other.

    Example:
        >>> import numpy as np
        >>> x, kernel = np.full((1, 2, 2, 1), 3.0), np.full((2, 2, 1, 1), 5.0)
        >>> [g.ravel().tolist() for g in conv_grad(x, kernel, np.ones((1, 1, 1, 1)))]
        [[5.0, 5.0, 5.0, 5.0], [3.0, 3.0, 3.0, 3.0], [1.0]]
    """
    filters = checked_kernel(kernel, x, "channels / groups, filters")
    count = _groups(filters, x, data_format) if groups is None else groups
    operation = convolution(filters, strides, padding, data_format, dilation_rate, count, True, activation)
    offsets = np.zeros(operation.filters, np.float32) if bias is None else bias
    grad_x, (grad_kernel, grad_bias) = run_grad(operation, x, grad_out, [filters, offsets])
    return grad_x, grad_kernel, grad_bias
