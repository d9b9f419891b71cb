"""Transposed convolution over volumes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnnfast.layers.convolution import ConvolutionTranspose

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.layers.layer import LayerOptions
    from cnnfast.utils.arguments import PaddingArgument


class Conv3DTranspose(ConvolutionTranspose):
    """Transposed convolution of volumes: the gradient of `Conv3D` by its input, as a layer that enlarges.

    Formula: out[z s + h d, y s + i d, x s + j d, f] += kernel[h, i, j, f, c] * in[z, y, x, c] from out =
    bias, and what the padding names is cut off.

    Args:
        filters: Number of output channels, at least 1.
        kernel_size: Depth, height and width of the filters, an int or three.
        strides: Step between the places that neighbouring inputs write to, an int or three.
        padding: "valid" (output size (n - 1) s + max(reach, s) with the filter's reach d (k - 1) + 1), "same"
            (n s), or what is cut off (output size (n - 1) s + reach - cut): an int, (depth, height, width),
            or ((front, back), (top, bottom), (left, right)).
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        output_padding: Cells added at the end of each axis, fewer than its stride or dilation; with "same"
            the output size is then (n - 1) s + reach % 2 + output_padding. None adds none.
        dilation_rate: Distance between the taps of a filter, an int or three.
        activation: Name of a function of `cnnfast.ops`, such as "relu" or "gelu", or a function; None: none.
        use_bias: Whether a bias is added.
        kernel_initializer: How the kernel begins.
        bias_initializer: How the bias begins.
        kernel_regularizer: Penalty on the kernel.
        bias_regularizer: Penalty on the bias.
        activity_regularizer: Penalty on what the layer makes of a batch, added to the loss.
        kernel_constraint: Rule for the kernel after each update.
        bias_constraint: Rule for the bias after each update.
        groups: Number of groups; each sees in / groups channels and makes filters / groups.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        channels_last: (n, d, h, w, c) -> (n, od, oh, ow, filters); channels_first: (n, c, d, h, w) -> (n,
            filters, od, oh, ow);
        kernel (kd, kh, kw, filters / groups, c) in both.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.Conv3DTranspose`; explicit padding and groups as in PyTorch.

    Example:
        >>> Conv3DTranspose(8, 2, strides=2).compute_output_shape((None, 4, 8, 8, 16))
        (None, 8, 16, 16, 8)
    """

    rank = 3

    # Keras has data_format and output_padding in this order here, and in the other one in fewer dimensions.
    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: PaddingArgument = "valid",
        data_format: str | None = None,
        output_padding: int | Sequence[int] | None = None,
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
            output_padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            bias_constraint,
            groups=groups,
            **options,
        )
