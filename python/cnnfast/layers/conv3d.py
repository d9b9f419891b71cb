"""Convolution over volumes."""

from __future__ import annotations

from cnnfast.layers.convolution import Convolution


class Conv3D(Convolution):
    """Convolution (cross-correlation) of volumes with learned filters.

    Formula: out[z, y, x, f] = bias[f] + sum_{h, i, j, c} kernel[h, i, j, c, f] * in[z s + h d, y s + i d, x
    s + j d, c], with strides s and dilation d; output size floor((n + pads - d (k - 1) - 1) / s) + 1.

    Args:
        filters: Number of output channels, at least 1.
        kernel_size: Depth, height and width of the filters, an int or three.
        strides: Step between outputs, an int or three.
        padding: "valid" (none), "same" (output size ceil(n / s)), an int, (depth, height, width), or ((front,
            back), (top, bottom), (left, right)).
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        dilation_rate: Distance between the taps of a filter, an int or three.
        groups: Number of groups; each sees in / groups channels and makes filters / groups.
        activation: A name in `cnnfast.ops`, such as "relu" or "gelu", or a function; None for none.
        use_bias: Whether a bias is added.
        kernel_initializer: How the kernel begins.
        bias_initializer: How the bias begins.
        kernel_regularizer: Penalty on the kernel.
        bias_regularizer: Penalty on the bias.
        activity_regularizer: Penalty on what the layer makes of a batch, added to the loss.
        kernel_constraint: Rule for the kernel after each update.
        bias_constraint: Rule for the bias after each update.
        padding_mode: What the padding holds: "zeros", or the input's own cells: "reflect" (mirrored at the
            outermost), "replicate" (the outermost) or "circular" (from the other side); by keyword.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        channels_last: (n, d, h, w, c) -> (n, od, oh, ow, filters); channels_first: (n, c, d, h, w) -> (n,
            filters, od, oh, ow);
        kernel (kd, kh, kw, c / groups, filters) in both.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.Conv3D`; padding_mode as in PyTorch.

    Example:
        >>> Conv3D(8, 3, strides=(1, 2, 2), padding="same").compute_output_shape((None, 16, 32, 32, 1))
        (None, 16, 16, 16, 8)
    """

    rank = 3
