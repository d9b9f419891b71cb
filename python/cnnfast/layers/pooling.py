"""What the pooling layers have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from cnnfast.config import resolve_data_format
from cnnfast.layers.layer import Layer
from cnnfast.utils.arguments import check_axis_order, normal_padding, per_axis

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast._core import Graph, Weight
    from cnnfast.layers.layer import UnnamedOptions
    from cnnfast.layers.tracing import Value
    from cnnfast.utils.arguments import PaddingArgument
    from cnnfast.utils.serialization import Config


class Pooling(Layer):
    """Base of the pooling layers; see there for the arguments."""

    rank: ClassVar[int]  # number of spatial axes

    def __init__(
        self,
        pool_size: int | Sequence[int] = 2,
        strides: int | Sequence[int] | None = None,
        padding: PaddingArgument = "valid",
        data_format: str | None = None,
        name: str | None = None,
        *,
        ceil_mode: bool = False,
        **options: Unpack[UnnamedOptions],
    ) -> None:
        super().__init__(name=name, **options)
        self.pool_size = per_axis(pool_size, "pool_size", self.rank)
        self.strides = self.pool_size if strides is None else per_axis(strides, "strides", self.rank)
        self.padding = normal_padding(padding, self.rank)
        self.data_format = resolve_data_format(data_format)
        self.ceil_mode = bool(ceil_mode)

    def _check_axis_order(self, graph: Graph, src: int) -> None:
        if self.padding == "valid" and not self.ceil_mode:
            check_axis_order(self.name, graph.shape(src), self.pool_size, self.data_format)

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


class MaxPooling(Pooling):
    """Base of the poolings by the largest value."""

    def __init__(
        self,
        pool_size: int | Sequence[int] = 2,
        strides: int | Sequence[int] | None = None,
        padding: PaddingArgument = "valid",
        data_format: str | None = None,
        name: str | None = None,
        *,
        ceil_mode: bool = False,
        dilation_rate: int | Sequence[int] = 1,
        return_indices: bool = False,
        **options: Unpack[UnnamedOptions],
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, ceil_mode=ceil_mode, **options)
        self.dilation_rate = per_axis(dilation_rate, "dilation_rate", self.rank)
        self.return_indices = bool(return_indices)

    @property
    def _is_called(self) -> bool:
        return self.return_indices

    def call(self, inputs: Value) -> tuple[Value, Value]:
        """Returns the largest values, and where they are."""
        from cnnfast.layers.unpooling import places_of_maxima

        largest = inputs.graph.value(self._emit(inputs.graph, [inputs.number], ()))
        return largest, places_of_maxima(self, inputs, largest)

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        self._check_axis_order(graph, srcs[0])
        return graph.max_pool(
            srcs[0],
            self.pool_size,
            self.strides,
            self.padding,
            self.ceil_mode,
            self.data_format,
            self.name,
            self.dilation_rate,
        )

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        own = {"dilation_rate": self.dilation_rate, "return_indices": self.return_indices}
        return {**super().get_config(), **own}


class AveragePooling(Pooling):
    """Base of the poolings by the mean."""

    def __init__(
        self,
        pool_size: int | Sequence[int] = 2,
        strides: int | Sequence[int] | None = None,
        padding: PaddingArgument = "valid",
        data_format: str | None = None,
        name: str | None = None,
        *,
        ceil_mode: bool = False,
        count_include_pad: bool = False,
        **options: Unpack[UnnamedOptions],
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, ceil_mode=ceil_mode, **options)
        self.count_include_pad = bool(count_include_pad)

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        self._check_axis_order(graph, srcs[0])
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
