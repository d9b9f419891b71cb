"""Separable convolution over images."""

from __future__ import annotations

from cnnfast.layers.separable_convolution import SeparableConvolution


class SeparableConv2D(SeparableConvolution):
    """Depthwise convolution of images, then a 1x1 convolution that mixes the channels.

    Formula: deep[y, x, c m + q] = sum_{i, j} depthwise[i, j, c, q] * in[y s + i d, x s + j d, c] and
    out[y, x, f] = bias[f] + sum_k deep[y, x, k] * pointwise[k, f], with multiplier m, strides s and dilation
    d; output size floor((n + pads - d (k - 1) - 1) / s) + 1.

    Args:
        filters: Number of output channels, at least 1.
        kernel_size: Height and width of the filters, an int or two.
        strides: Step between outputs, an int or two.
        padding: "valid" (none), "same" (output size ceil(n / s)), an int, (height, width), or ((top, bottom),
            (left, right)).
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        dilation_rate: Distance between the taps of a filter, an int or two.
        depth_multiplier: Number of filters, and so of intermediate channels, for each channel; at least 1.
        activation: A name in `cnnfast.ops`, such as "relu" or "gelu", or a function; None for none.
        use_bias: Whether a bias is added at the end.
        depthwise_initializer: How the depthwise kernel begins.
        pointwise_initializer: How the pointwise kernel begins.
        bias_initializer: How the bias begins.
        depthwise_regularizer: Penalty on the depthwise kernel.
        pointwise_regularizer: Penalty on the pointwise kernel.
        bias_regularizer: Penalty on the bias.
        activity_regularizer: Penalty on what the layer makes of a batch, added to the loss.
        depthwise_constraint: Rule for the depthwise kernel after each update.
        pointwise_constraint: Rule for the pointwise kernel after each update.
        bias_constraint: Rule for the bias after each update.
        padding_mode: What the padding holds: "zeros", or the input's own cells: "reflect" (mirrored at the
            outermost), "replicate" (the outermost) or "circular" (from the other side); by keyword.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        channels_last: (n, h, w, c) -> (n, oh, ow, filters);
        channels_first: (n, c, h, w) -> (n, filters, oh, ow);
        depthwise kernel (kh, kw, c, depth_multiplier), pointwise kernel (1, 1, c * depth_multiplier, filters)
        in both.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.SeparableConv2D`; Chollet, Xception (2017), doi:10.1109/CVPR.2017.195.

    Example:
        >>> SeparableConv2D(8, 3, padding="same").compute_output_shape((None, 28, 28, 5))
        (None, 28, 28, 8)
    """

    rank = 2
