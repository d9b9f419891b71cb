"""Pooling by the mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnnfast.layers.pooling import Pooling2D

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast._core import Graph
    from cnnfast.layers.layer import LayerOptions
    from cnnfast.utils.arguments import PaddingArgument
    from cnnfast.utils.serialization import Config


class AveragePooling2D(Pooling2D):
    """The mean of each window.

    Formula: out[y, x, c] = mean_{i, j} in[y s + i, x s + j, c]

    Args:
        pool_size: Height and width of the window, an int or two.
        strides: Step between windows, an int or two; None means `pool_size`.
        padding: "valid", "same", an int, (height, width), or ((top, bottom), (left, right)).
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        ceil_mode: Whether a last window that only partly overlaps the image counts.
        count_include_pad: Whether padding counts, as zeros; otherwise only pixels of the image do.
        options: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, h, w, c) -> (n, oh, ow, c), or (n, c, h, w) -> (n, c, oh, ow).

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.AveragePooling2D`; ceil_mode and count_include_pad as in PyTorch.

    Example:
        >>> import numpy as np
        >>> AveragePooling2D()(np.array([[[[1.0], [2.0]], [[3.0], [6.0]]]]))
        array([[[[3.]]]], dtype=float32)
    """

    def __init__(
        self,
        pool_size: int | Sequence[int] = (2, 2),
        strides: int | Sequence[int] | None = None,
        padding: PaddingArgument = "valid",
        data_format: str | None = None,
        ceil_mode: bool = False,
        count_include_pad: bool = False,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, ceil_mode, **options)
        self.count_include_pad = bool(count_include_pad)

    def _emit(self, graph: Graph, srcs: Sequence[int]) -> int:
        return graph.average_pool(
            srcs[0],
            self.pool_size,
            self.strides,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.data_format,
            self.name,
        )

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "count_include_pad": self.count_include_pad}
