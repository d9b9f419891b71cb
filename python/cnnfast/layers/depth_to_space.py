"""Channels that become pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnnfast.config import resolve_data_format
from cnnfast.layers.layer import Layer
from cnnfast.utils.arguments import whole_number

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast._core import Graph, Weight
    from cnnfast.layers.layer import LayerOptions
    from cnnfast.utils.serialization import Config


class DepthToSpace(Layer):
    """Channels become squares of pixels: the first ones those at the top left.

    Formula: out[h * b + i, w * b + j, c] = in[h, w, (i * b + j) * channels + c], of `channels` outputs

    Args:
        block_size: Side b of the squares, at least 1; its square divides the channels.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, h, w, c * b^2) -> (n, h * b, w * b, c), or the same with the channels first.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.ops.depth_to_space`.

    Example:
        >>> DepthToSpace(2).compute_output_shape((None, 4, 5, 12))
        (None, 8, 10, 3)
    """

    def __init__(
        self, block_size: int, data_format: str | None = None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**options)
        self.block_size = whole_number(block_size, "block_size", 1)
        self.data_format = resolve_data_format(data_format)

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        return graph.depth_to_space(srcs[0], self.block_size, self.data_format, self.name)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "block_size": self.block_size, "data_format": self.data_format}


class PixelShuffle(Layer):
    """Channels become squares of pixels, in PyTorch's order: neighbouring channels become one square.

    Formula: out[h * r + i, w * r + j, c] = in[h, w, c * r^2 + i * r + j]

    Args:
        upscale_factor: Side r of the squares, at least 1; its square divides the channels.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, h, w, c * r^2) -> (n, h * r, w * r, c), or the same with the channels first.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Shi et al., 2016; PyTorch, `torch.nn.PixelShuffle`.

    Example:
        >>> PixelShuffle(2).compute_output_shape((None, 4, 5, 12))
        (None, 8, 10, 3)
    """

    def __init__(
        self, upscale_factor: int, data_format: str | None = None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**options)
        self.upscale_factor = whole_number(upscale_factor, "upscale_factor", 1)
        self.data_format = resolve_data_format(data_format)

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        return graph.depth_to_space(srcs[0], self.upscale_factor, self.data_format, self.name, "CRD")

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {
            **super().get_config(),
            "upscale_factor": self.upscale_factor,
            "data_format": self.data_format,
        }
