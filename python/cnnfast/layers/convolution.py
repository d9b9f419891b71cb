"""What all convolutions have in common, and the bases of the plain and of the transposed ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from cnnfast.config import resolve_data_format
from cnnfast.layers.weighted import Rules, WeightedLayer
from cnnfast.utils.arguments import check_axis_order, normal_padding, per_axis, whole_number

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast._core import Graph, Weight
    from cnnfast.layers.layer import LayerOptions
    from cnnfast.utils.arguments import Padding, PaddingArgument
    from cnnfast.utils.serialization import Config


class SlidingLayer(WeightedLayer):
    """Base of the layers that slide a kernel over their input.

    Args:
        kernel_size: Size of the kernel along each axis.
        strides: Step between outputs along each axis.
        padding: As `normal_padding` takes it.
        data_format: "channels_last", "channels_first" or None.
        dilation_rate: Distance between the taps along each axis.
        weighted: Arguments of `WeightedLayer` before the options.
        options: Arguments of every layer.
    """

    rank: ClassVar[int]  # number of spatial axes
    paddings: ClassVar[Sequence[str]] = ("valid", "same")

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int],
        padding: PaddingArgument,
        data_format: str | None,
        dilation_rate: int | Sequence[int],
        *weighted: Any,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(*weighted, **options)
        self.kernel_size = per_axis(kernel_size, "kernel_size", self.rank)
        self.strides = per_axis(strides, "strides", self.rank)
        self.padding = normal_padding(padding, self.rank, self.paddings)
        self.data_format = resolve_data_format(data_format)
        self.dilation_rate = per_axis(dilation_rate, "dilation_rate", self.rank)

    def _check_axis_order(self, graph: Graph, src: int) -> None:
        if self.padding == "valid":
            reach = [(k - 1) * d + 1 for k, d in zip(self.kernel_size, self.dilation_rate, strict=True)]
            check_axis_order(self.name, graph.shape(src), reach, self.data_format)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer, without its weights."""
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
        }


class Convolution(SlidingLayer):
    """Base of the convolutions; see there for the arguments."""

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: PaddingArgument = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            {
                "kernel": Rules.of(kernel_initializer, kernel_regularizer, kernel_constraint),
                "bias": Rules.of(bias_initializer, bias_regularizer, bias_constraint),
            },
            activity_regularizer,
            **options,
        )
        self.filters = whole_number(filters, "filters", 1)
        self.groups = whole_number(groups, "groups", 1)

    def _core_padding(self) -> Padding:
        return self.padding

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        self._check_axis_order(graph, srcs[0])
        value = graph.conv(
            srcs[0],
            self.filters,
            self.kernel_size,
            self.strides,
            self._core_padding(),
            self.dilation_rate,
            self.groups,
            self.use_bias,
            self.data_format,
            self.name,
            weights,
        )
        return self._emit_activation(graph, value)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer, without its weights."""
        return {**super().get_config(), "filters": self.filters, "groups": self.groups}


class ConvolutionTranspose(Convolution):
    """Base of the transposed convolutions; see there for the arguments."""

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: PaddingArgument = "valid",
        output_padding: int | Sequence[int] | None = None,
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        *,
        groups: int = 1,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            filters,
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            groups,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            bias_constraint,
            **options,
        )
        self.output_padding = (
            None if output_padding is None else per_axis(output_padding, "output_padding", self.rank, 0)
        )

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        value = graph.conv_transpose(
            srcs[0],
            self.filters,
            self.kernel_size,
            self.strides,
            self.padding,
            self.output_padding,
            self.dilation_rate,
            self.groups,
            self.use_bias,
            self.data_format,
            self.name,
            weights,
        )
        return self._emit_activation(graph, value)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer, without its weights."""
        return {**super().get_config(), "output_padding": self.output_padding}
