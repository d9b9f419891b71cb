"""What the depthwise convolutions over one and two axes have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from cnnfast.layers.convolution import SlidingLayer
from cnnfast.layers.weighted import Rules
from cnnfast.utils.arguments import whole_number

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast._core import Graph, Weight
    from cnnfast.layers.convolution import SlidingOptions
    from cnnfast.utils.arguments import PaddingArgument
    from cnnfast.utils.serialization import Config


class DepthwiseConvolution(SlidingLayer):
    """Base of the depthwise convolutions; see there for the arguments."""

    rule_names: ClassVar[dict[str, str]] = {"kernel": "depthwise", "bias": "bias"}

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: PaddingArgument = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
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
                "depthwise": Rules.of(depthwise_initializer, depthwise_regularizer, depthwise_constraint),
                "bias": Rules.of(bias_initializer, bias_regularizer, bias_constraint),
            },
            activity_regularizer,
            **options,
        )
        self.depth_multiplier = whole_number(depth_multiplier, "depth_multiplier", 1)

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        src, padding = self._padded(graph, srcs[0])
        value = graph.depthwise_conv(
            src,
            self.depth_multiplier,
            self.kernel_size,
            self.strides,
            padding,
            self.dilation_rate,
            self.use_bias,
            self.data_format,
            self.name,
            weights,
        )
        return self._emit_activation(graph, value)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer, without its weights."""
        return {**super().get_config(), "depth_multiplier": self.depth_multiplier}
