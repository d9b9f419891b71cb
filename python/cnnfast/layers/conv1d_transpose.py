"""Transposed convolution over sequences."""

from __future__ import annotations

from cnnfast.layers.convolution import ConvolutionTranspose


class Conv1DTranspose(ConvolutionTranspose):
    """Transposed convolution of sequences: the gradient of `Conv1D` by its input, as a layer that enlarges.

    Formula: out[x s + i d, f] += kernel[i, f, c] * in[x, c] from out = bias, and what the padding names is
    cut off.

    Args:
        filters: Number of output channels, at least 1.
        kernel_size: Length of the filters.
        strides: Step between the places that neighbouring inputs write to.
        padding: "valid" (output size (n - 1) s + max(reach, s) with the filter's reach d (k - 1) + 1), "same"
            (n s), or what is cut off (output size (n - 1) s + reach - cut): an int or ((before, after),).
        output_padding: Cells added at the end of each axis, fewer than its stride or dilation; with "same"
            the output size is then (n - 1) s + reach % 2 + output_padding. None adds none.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        dilation_rate: Distance between the taps of a filter.
        activation: A name in `cnnfast.ops`, such as "relu" or "gelu", or a function; None for none.
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
        channels_last: (n, steps, c) -> (n, out, filters); channels_first: (n, c, steps) -> (n, filters, out);
        kernel (k, filters / groups, c) in both.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.Conv1DTranspose`; explicit padding and groups as in PyTorch.

    Example:
        >>> Conv1DTranspose(8, 4, strides=2, padding="same").compute_output_shape((None, 50, 3))
        (None, 100, 8)
    """

    rank = 1
