"""Convolution over images."""

from __future__ import annotations

from cnnfast.layers.convolution import Convolution


class Conv2D(Convolution):
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
        channels_last: (n, h, w, c) -> (n, oh, ow, filters); channels_first: (n, c, h, w) -> (n, filters, oh,
            ow);
        kernel (kh, kw, c / groups, filters) in both.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.Conv2D`; padding_mode as in PyTorch.

    Example:
        >>> Conv2D(30, (5, 5), activation="relu").compute_output_shape((None, 28, 28, 1))
        (None, 24, 24, 30)
    """

    rank = 2
