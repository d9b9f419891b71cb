"""Depthwise convolution over images."""

from __future__ import annotations

from cnnfast.layers.depthwise_convolution import DepthwiseConvolution


class DepthwiseConv2D(DepthwiseConvolution):
    """Convolution of each channel of images with learned filters of its own.

    Formula: out[y, x, c m + q] = bias[c m + q] + sum_{i, j} kernel[i, j, c, q] * in[y s + i d, x s + j d, c],
    with multiplier m, strides s and dilation d; output size floor((n + pads - d (k - 1) - 1) / s) + 1.

    Args:
        kernel_size: Height and width of the filters, an int or two.
        strides: Step between outputs, an int or two.
        padding: "valid" (none), "same" (output size ceil(n / s)), an int, (height, width), or ((top, bottom),
            (left, right)).
        depth_multiplier: Number of filters, and so of output channels, for each channel; at least 1.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        dilation_rate: Distance between the taps of a filter, an int or two.
        activation: A name in `cnnfast.ops`, such as "relu" or "gelu", or a function; None for none.
        use_bias: Whether a bias is added.
        depthwise_initializer: How the kernel begins.
        bias_initializer: How the bias begins.
        depthwise_regularizer: Penalty on the kernel.
        bias_regularizer: Penalty on the bias.
        activity_regularizer: Penalty on what the layer makes of a batch, added to the loss.
        depthwise_constraint: Rule for the kernel after each update.
        bias_constraint: Rule for the bias after each update.
        padding_mode: What the padding holds: "zeros", or the input's own cells: "reflect" (mirrored at the
            outermost), "replicate" (the outermost) or "circular" (from the other side); by keyword.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        channels_last: (n, h, w, c) -> (n, oh, ow, c * depth_multiplier);
        channels_first: (n, c, h, w) -> (n, c * depth_multiplier, oh, ow);
        kernel (kh, kw, c, depth_multiplier) in both.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.DepthwiseConv2D`; padding_mode as in PyTorch.

    Example:
        >>> DepthwiseConv2D(3, depth_multiplier=2).compute_output_shape((None, 28, 28, 5))
        (None, 26, 26, 10)
    """

    rank = 2
