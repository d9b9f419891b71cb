"""Depthwise convolution over sequences."""

from __future__ import annotations

from cnnfast.layers.depthwise_convolution import DepthwiseConvolution


class DepthwiseConv1D(DepthwiseConvolution):
    """Convolution of each channel of sequences with learned filters of its own.

    Formula: out[x, c m + q] = bias[c m + q] + sum_i kernel[i, c, q] * in[x s + i d, c],
    with multiplier m, stride s and dilation d; output length floor((n + pads - d (k - 1) - 1) / s) + 1.

    Args:
        kernel_size: Length of the filters.
        strides: Step between outputs.
        padding: "valid" (none), "same" (output length ceil(n / s)), an int, or ((before, after),).
        depth_multiplier: Number of filters, and so of output channels, for each channel; at least 1.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        dilation_rate: Distance between the taps of a filter.
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
        channels_last: (n, steps, c) -> (n, out, c * depth_multiplier);
        channels_first: (n, c, steps) -> (n, c * depth_multiplier, out);
        kernel (k, c, depth_multiplier) in both.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.DepthwiseConv1D`; padding_mode as in PyTorch.

    Example:
        >>> DepthwiseConv1D(3, padding="same").compute_output_shape((None, 100, 4))
        (None, 100, 4)
    """

    rank = 1
