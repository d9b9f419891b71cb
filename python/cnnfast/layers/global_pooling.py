"""Pooling over a whole image, sequence or volume."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from cnnfast.config import resolve_data_format
from cnnfast.layers.layer import Layer

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast._core import Graph, Weight
    from cnnfast.layers.layer import LayerOptions
    from cnnfast.utils.serialization import Config


class GlobalPooling(Layer):
    """Base of the poolings with one window over all spatial axes."""

    rank: ClassVar[int]  # number of spatial axes
    maximum: ClassVar[bool]

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**options)
        self.data_format = resolve_data_format(data_format)
        self.keepdims = bool(keepdims)

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        ones = (1,) * self.rank
        pooled = graph.adaptive_pool(srcs[0], self.maximum, ones, self.data_format, self.name)
        return pooled if self.keepdims else graph.flatten(pooled, self.data_format, f"{self.name}/flatten")

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "data_format": self.data_format, "keepdims": self.keepdims}
