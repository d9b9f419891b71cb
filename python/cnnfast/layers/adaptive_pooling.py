"""Pooling to an output of a given size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from cnnfast.config import resolve_data_format
from cnnfast.layers.layer import Layer
from cnnfast.utils.arguments import per_axis

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast._core import Graph, Weight
    from cnnfast.layers.layer import LayerOptions
    from cnnfast.utils.serialization import Config


class AdaptivePooling(Layer):
    """Base of the poolings whose windows follow from the sizes of input and output."""

    rank: ClassVar[int]  # number of spatial axes
    maximum: ClassVar[bool]

    def __init__(
        self,
        output_size: int | Sequence[int],
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.output_size = per_axis(output_size, "output_size", self.rank)
        self.data_format = resolve_data_format(data_format)

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        return graph.adaptive_pool(srcs[0], self.maximum, self.output_size, self.data_format, self.name)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "output_size": self.output_size, "data_format": self.data_format}
