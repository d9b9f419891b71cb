"""What the pooling layers have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnnfast.config import resolve_data_format
from cnnfast.layers.layer import Layer
from cnnfast.utils.arguments import normal_padding, pair

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.layers.layer import LayerOptions
    from cnnfast.utils.arguments import PaddingArgument
    from cnnfast.utils.serialization import Config


class Pooling2D(Layer):
    """Base of the pooling layers; see there for the arguments."""

    def __init__(
        self,
        pool_size: int | Sequence[int],
        strides: int | Sequence[int] | None,
        padding: PaddingArgument,
        data_format: str | None,
        ceil_mode: bool,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.pool_size = pair(pool_size, "pool_size")
        self.strides = self.pool_size if strides is None else pair(strides, "strides")
        self.padding = normal_padding(padding)
        self.data_format = resolve_data_format(data_format)
        self.ceil_mode = bool(ceil_mode)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "ceil_mode": self.ceil_mode,
        }
