"""Convolution over images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnnfast.config import resolve_data_format
from cnnfast.layers.weighted import Rules, WeightedLayer
from cnnfast.utils.arguments import normal_padding, pair, whole_number

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast._core import Graph
    from cnnfast.layers.layer import LayerOptions
    from cnnfast.utils.arguments import PaddingArgument
    from cnnfast.utils.serialization import Config


class Conv2D(WeightedLayer):
    """Convolution (cross-correlation) of images with learned filters.

    Formula: out[y, x, f] = bias[f] + sum_{i, j, c} kernel[i, j, c, f] * in[y s + i d, x s + j d, c], with
    strides s and dilation d; output size floor((n + pads - d (k - 1) - 1) / s) + 1.

    Args:
        filters: Number of output channels, at least 1.
        kernel_size: Height and width of the filters, an int or two.
        strides: Step between outputs, an int or two.
        padding: "valid" (none), "same" (output size ceil(n / s)), an int, (height, width), or ((top, bottom),
            (left, right)).
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        dilation_rate: Distance between the taps of a filter, an int or two.
        groups: Number of groups; each sees in / groups channels and makes filters / groups.
        activation: "relu", "tanh", "sigmoid", "softmax", "linear" or None.
        use_bias: Whether a bias is added.
        kernel_initializer: How the kernel begins.
        bias_initializer: How the bias begins.
        kernel_regularizer: Penalty on the kernel.
        bias_regularizer: Penalty on the bias.
        activity_regularizer: Not offered; must be None.
        kernel_constraint: Rule for the kernel after each update.
        bias_constraint: Rule for the bias after each update.
        options: `name`, `trainable`, `input_shape`.

    Shapes:
        channels_last: (n, h, w, c) -> (n, oh, ow, filters); channels_first: (n, c, h, w) -> (n, filters, oh,
            ow);
        kernel (kh, kw, c / groups, filters) in both.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.Conv2D`.

    Example:
        >>> Conv2D(30, (5, 5), activation="relu").compute_output_shape((28, 28, 1))
        (None, 24, 24, 30)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = (1, 1),
        padding: PaddingArgument = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = (1, 1),
        groups: int = 1,
        activation: str | None = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: None = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            activation,
            use_bias,
            Rules.of(kernel_initializer, kernel_regularizer, kernel_constraint),
            Rules.of(bias_initializer, bias_regularizer, bias_constraint),
            activity_regularizer,
            **options,
        )
        self.filters = whole_number(filters, "filters", 1)
        self.kernel_size = pair(kernel_size, "kernel_size")
        self.strides = pair(strides, "strides")
        self.padding = normal_padding(padding)
        self.data_format = resolve_data_format(data_format)
        self.dilation_rate = pair(dilation_rate, "dilation_rate")
        self.groups = whole_number(groups, "groups", 1)

    def _emit(self, graph: Graph, srcs: Sequence[int]) -> int:
        value = graph.conv(
            srcs[0],
            self.filters,
            self.kernel_size,
            self.strides,
            self.padding,
            self.dilation_rate,
            self.groups,
            self.use_bias,
            self.data_format,
            self.name,
        )
        return self._emit_activation(graph, value)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer, without its weights."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "groups": self.groups,
        }
