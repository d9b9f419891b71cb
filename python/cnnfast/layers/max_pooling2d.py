"""Pooling by the largest value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnnfast.layers.pooling import Pooling2D

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast._core import Graph
    from cnnfast.layers.layer import LayerOptions
    from cnnfast.utils.arguments import PaddingArgument


class MaxPooling2D(Pooling2D):
    """The largest value of each window.

    Formula: out[y, x, c] = max_{i, j} in[y s + i, x s + j, c]; padding never wins.

    Args:
        pool_size: Height and width of the window, an int or two.
        strides: Step between windows, an int or two; None means `pool_size`.
        padding: "valid", "same", an int, (height, width), or ((top, bottom), (left, right)).
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        ceil_mode: Whether a last window that only partly overlaps the image counts.
        options: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, h, w, c) -> (n, oh, ow, c), or (n, c, h, w) -> (n, c, oh, ow).

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.MaxPooling2D`; ceil_mode as in PyTorch.

    Example:
        >>> MaxPooling2D().compute_output_shape((5, 5, 1))
        (None, 2, 2, 1)
        >>> MaxPooling2D(ceil_mode=True).compute_output_shape((5, 5, 1))
        (None, 3, 3, 1)
    """

    def __init__(
        self,
        pool_size: int | Sequence[int] = (2, 2),
        strides: int | Sequence[int] | None = None,
        padding: PaddingArgument = "valid",
        data_format: str | None = None,
        ceil_mode: bool = False,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, ceil_mode, **options)

    def _emit(self, graph: Graph, srcs: Sequence[int]) -> int:
        return graph.max_pool(
            srcs[0], self.pool_size, self.strides, self.padding, self.ceil_mode, self.data_format, self.name
        )
