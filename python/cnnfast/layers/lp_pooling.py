"""Pooling by a norm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.layers.pooling import Pooling
from cnnfast.utils.arguments import explicit_sides, real_number

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.layers.layer import UnnamedOptions
    from cnnfast.layers.tracing import Value
    from cnnfast.utils.arguments import PaddingArgument
    from cnnfast.utils.serialization import Config


class LpPooling(Pooling):
    """Base of the poolings by a norm; see there for the arguments."""

    def __init__(
        self,
        norm_type: float,
        pool_size: int | Sequence[int] = 2,
        strides: int | Sequence[int] | None = None,
        padding: PaddingArgument = "valid",
        data_format: str | None = None,
        name: str | None = None,
        *,
        ceil_mode: bool = False,
        **options: Unpack[UnnamedOptions],
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, ceil_mode=ceil_mode, **options)
        self.norm_type = real_number(norm_type, "norm_type", 1.0)

    def call(self, inputs: Value) -> Any:
        """Returns the norms."""
        from cnnfast import ops

        graph, p = inputs.graph, self.norm_type
        self._check_axis_order(graph, inputs.number)
        powers = ops.square(inputs) if p == 2 else ops.power(ops.abs(inputs), p)
        means = graph.value(
            graph.average_pool(
                powers.number,
                self.pool_size,
                self.strides,
                self.padding,
                self.ceil_mode,
                False,
                self.data_format,
                graph.named("mean"),
            )
        )
        total = means * self._cells(inputs, means)
        some = total > 0.0  # elsewhere the root has no gradient; it is 0
        return ops.where(some, ops.power(ops.where(some, total, 1.0), 1.0 / p), 0.0)

    def _cells(self, inputs: Value, outputs: Value) -> Any:
        """How many cells of the image each window has."""
        first = self.data_format == "channels_first"
        sizes, counts = ((each.dims[1:] if first else each.dims[:-1]) for each in (inputs, outputs))
        sides = explicit_sides(self.padding, sizes, self.pool_size, self.strides)
        cells = np.ones(())
        for size, count, window, stride, (before, _) in zip(
            sizes, counts, self.pool_size, self.strides, sides, strict=True
        ):
            begin = np.arange(count) * stride - before
            cells = np.multiply.outer(cells, np.minimum(begin + window, size) - np.maximum(begin, 0))
        if cells.min() == cells.max():
            return float(cells.max())
        return np.expand_dims(cells, 0 if first else -1)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "norm_type": self.norm_type}


class LpPooling1D(LpPooling):
    """The norm of each window.

    Formula: out[x, c] = (sum_i |in[x s + i, c]|^p)^(1 / p)

    Args:
        norm_type: The exponent p, at least 1.
        pool_size: Length of the window.
        strides: Step between windows; None means `pool_size`.
        padding: "valid", "same", an int, or ((before, after),); what it adds counts as 0.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        name: Its name in the model; None makes one up.
        ceil_mode: Whether a last window that only partly overlaps the sequence counts.
        options: Arguments of every layer: `trainable`, `input_shape`.

    Shapes:
        (n, steps, c) -> (n, out, c), or (n, c, steps) -> (n, c, out).

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        PyTorch, `torch.nn.LPPool1d`; absolute values, and windows that hang over, as in ONNX,
        `LpPool`: PyTorch takes in^p, and enlarges the latter's sums.

    Example:
        >>> import numpy as np
        >>> LpPooling1D(2, 2)(np.array([[[3.0], [-4.0]]]))
        array([[[5.]]], dtype=float32)
    """

    rank = 1


class LpPooling2D(LpPooling):
    """The norm of each window.

    Formula: out[y, x, c] = (sum_{i, j} |in[y s + i, x s + j, c]|^p)^(1 / p)

    Args:
        norm_type: The exponent p, at least 1.
        pool_size: Height and width of the window, an int or two.
        strides: Step between windows, an int or two; None means `pool_size`.
        padding: "valid", "same", an int, (height, width), or ((top, bottom), (left, right)); what it adds
            counts as 0.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        name: Its name in the model; None makes one up.
        ceil_mode: Whether a last window that only partly overlaps the image counts.
        options: Arguments of every layer: `trainable`, `input_shape`.

    Shapes:
        (n, h, w, c) -> (n, oh, ow, c), or (n, c, h, w) -> (n, c, oh, ow).

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        PyTorch, `torch.nn.LPPool2d`; absolute values, and windows that hang over, as in ONNX,
        `LpPool`: PyTorch takes in^p, and enlarges the latter's sums.

    Example:
        >>> LpPooling2D(2).compute_output_shape((None, 5, 5, 1))
        (None, 2, 2, 1)
    """

    rank = 2


class LpPooling3D(LpPooling):
    """The norm of each window.

    Formula: out[z, y, x, c] = (sum_{h, i, j} |in[z s + h, y s + i, x s + j, c]|^p)^(1 / p)

    Args:
        norm_type: The exponent p, at least 1.
        pool_size: Depth, height and width of the window, an int or three.
        strides: Step between windows, an int or three; None means `pool_size`.
        padding: "valid", "same", an int, one for each axis, or (before, after) of each; what it adds counts
            as 0.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        name: Its name in the model; None makes one up.
        ceil_mode: Whether a last window that only partly overlaps the volume counts.
        options: Arguments of every layer: `trainable`, `input_shape`.

    Shapes:
        (n, d, h, w, c) -> (n, od, oh, ow, c), or (n, c, d, h, w) -> (n, c, od, oh, ow).

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        PyTorch, `torch.nn.LPPool3d`; absolute values, and windows that hang over, as in ONNX,
        `LpPool`: PyTorch takes in^p, and enlarges the latter's sums.

    Example:
        >>> LpPooling3D(2).compute_output_shape((None, 5, 5, 5, 1))
        (None, 2, 2, 2, 1)
    """

    rank = 3
