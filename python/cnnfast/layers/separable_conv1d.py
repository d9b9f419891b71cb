"""Separable convolution over sequences."""

from __future__ import annotations

from cnnfast.layers.separable_convolution import SeparableConvolution


class SeparableConv1D(SeparableConvolution):
    """Depthwise convolution of sequences, then a 1 convolution that mixes the channels.

    Formula: deep[x, c m + q] = sum_i depthwise[i, c, q] * in[x s + i d, c] and out[x, f] =
    bias[f] + sum_k deep[x, k] * pointwise[k, f], with multiplier m, stride s and dilation d; output
    length floor((n + pads - d (k - 1) - 1) / s) + 1.

    Args:
        filters: Number of output channels, at least 1.
        kernel_size: Length of the filters.
        strides: Step between outputs.
        padding: "valid" (none), "same" (output length ceil(n / s)), an int, or ((before, after),).
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        dilation_rate: Distance between the taps of a filter.
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
        channels_last: (n, steps, c) -> (n, out, filters);
        channels_first: (n, c, steps) -> (n, filters, out);
        depthwise kernel (k, c, depth_multiplier), pointwise kernel (1, c * depth_multiplier, filters)
        in both.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.SeparableConv1D`; padding_mode as in PyTorch.

    Example:
        >>> SeparableConv1D(8, 3, strides=2).compute_output_shape((None, 101, 4))
        (None, 50, 8)
    """

    rank = 1
