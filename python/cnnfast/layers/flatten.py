"""From images to vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnnfast.config import resolve_data_format
from cnnfast.layers.layer import Layer

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast._core import Graph, Weight
    from cnnfast.layers.layer import LayerOptions
    from cnnfast.utils.serialization import Config


class Flatten(Layer):
    """All values of a sample as one vector, row by row, channels innermost.

    With "channels_first", channels are moved to the end first, as Keras does, so that the weights of the
    layer after it mean the same in both layouts.

    Args:
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, h, w, c) or (n, c, h, w) -> (n, h * w * c)

    Source:
        Keras 3, `keras.layers.Flatten`.

    Example:
        >>> Flatten().compute_output_shape((None, 5, 5, 15))
        (None, 375)
    """

    def __init__(self, data_format: str | None = None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.data_format = resolve_data_format(data_format)

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        return graph.flatten(srcs[0], self.data_format, self.name)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "data_format": self.data_format}
