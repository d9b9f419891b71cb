"""What all convolutions have in common, and the bases of the plain and of the transposed ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from cnnfast.config import resolve_data_format
from cnnfast.layers.layer import LayerOptions
from cnnfast.layers.weighted import Rules, WeightedLayer
from cnnfast.utils.arguments import (
    check_axis_order,
    explicit_sides,
    normal_padding,
    not_offered,
    one_of,
    per_axis,
    whole_number,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast._core import Graph, Weight
    from cnnfast.utils.arguments import Padding, PaddingArgument
    from cnnfast.utils.serialization import Config


class SlidingOptions(LayerOptions, total=False):
    """Arguments that every convolution takes by keyword.

    Attributes:
        padding_mode: What the padding holds: "zeros", or pixels of the image as PyTorch has it: "reflect",
            "replicate" or "circular".
        lora_rank, lora_alpha: Keras's arguments, which must be None.
    """

    padding_mode: str
    lora_rank: None
    lora_alpha: None


class SlidingLayer(WeightedLayer):
    """Base of the layers that slide a kernel over their input.

    Args:
        kernel_size: Size of the kernel along each axis.
        strides: Step between outputs along each axis.
        padding: As `normal_padding` takes it.
        data_format: "channels_last", "channels_first" or None.
        dilation_rate: Distance between the taps along each axis.
        weighted: Arguments of `WeightedLayer` before the options.
        padding_mode: See `SlidingOptions`.
        lora_rank: See there.
        lora_alpha: See there.
        options: Arguments of every layer.
    """

    rank: ClassVar[int]  # number of spatial axes
    paddings: ClassVar[Sequence[str]] = ("valid", "same")
    padding_modes: ClassVar[Sequence[str]] = ("zeros", "reflect", "replicate", "circular")

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int],
        padding: PaddingArgument,
        data_format: str | None,
        dilation_rate: int | Sequence[int],
        *weighted: Any,
        padding_mode: str = "zeros",
        lora_rank: None = None,
        lora_alpha: None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(*weighted, **options)
        not_offered(type(self).__name__, lora_rank=(lora_rank, None), lora_alpha=(lora_alpha, None))
        one_of(padding_mode, "padding_mode", self.padding_modes)
        self.kernel_size = per_axis(kernel_size, "kernel_size", self.rank)
        self.strides = per_axis(strides, "strides", self.rank)
        self.padding = normal_padding(padding, self.rank, self.paddings)
        self.data_format = resolve_data_format(data_format)
        self.dilation_rate = per_axis(dilation_rate, "dilation_rate", self.rank)
        self.padding_mode: Any = padding_mode

    @property
    def _reach(self) -> list[int]:
        return [(k - 1) * d + 1 for k, d in zip(self.kernel_size, self.dilation_rate, strict=True)]

    def _padded(self, graph: Graph, src: int) -> tuple[int, Padding]:
        """Returns what the kernel slides over, and the zeros that are yet to be put around it."""
        padding = self.padding
        if padding == "valid":
            check_axis_order(self.name, graph.shape(src), self._reach, self.data_format)
        if padding == "causal":
            padding = tuple((reach - 1, 0) for reach in self._reach)
        shape = graph.shape(src)
        if self.padding_mode == "zeros" or padding == "valid" or len(shape) != self.rank + 1:
            return src, padding
        first = self.data_format == "channels_first"
        borders = explicit_sides(padding, shape[1:] if first else shape[:-1], self._reach, self.strides)
        sides = [(0, 0), *borders] if first else [*borders, (0, 0)]
        return graph.pad(src, sides, self.padding_mode, 0.0, f"{self.name}/padding"), "valid"

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer, without its weights."""
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "padding_mode": self.padding_mode,
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
        **options: Unpack[SlidingOptions],
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

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        src, padding = self._padded(graph, srcs[0])
        value = graph.conv(
            src,
            self.filters,
            self.kernel_size,
            self.strides,
            padding,
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

    padding_modes = ("zeros",)  # there is none, but what is cut off

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
