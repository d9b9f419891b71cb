"""Transposed convolution over images."""

from __future__ import annotations

from cnnfast.layers.convolution import ConvolutionTranspose


class Conv2DTranspose(ConvolutionTranspose):
    """Transposed convolution of images: the gradient of `Conv2D` by its input, as a layer that enlarges.

    Formula: out[y s + i d, x s + j d, f] += kernel[i, j, f, c] * in[y, x, c] from out = bias, and what the
    padding names is cut off.

    Args:
        filters: Number of output channels, at least 1.
        kernel_size: Height and width of the filters, an int or two.
        strides: Step between the places that neighbouring inputs write to, an int or two.
        padding: "valid" (output size (n - 1) s + max(reach, s) with the filter's reach d (k - 1) + 1), "same"
            (n s), or what is cut off (output size (n - 1) s + reach - cut): an int, (height, width), or
            ((top, bottom), (left, right)).
        output_padding: Cells added at the end of each axis, fewer than its stride or dilation; with "same"
            the output size is then (n - 1) s + reach % 2 + output_padding. None adds none.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        dilation_rate: Distance between the taps of a filter, an int or two.
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
        channels_last: (n, h, w, c) -> (n, oh, ow, filters); channels_first: (n, c, h, w) -> (n, filters, oh,
            ow);
        kernel (kh, kw, filters / groups, c) in both.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.Conv2DTranspose`; explicit padding and groups as in PyTorch.

    Example:
        >>> Conv2DTranspose(8, 3, strides=2, padding="same").compute_output_shape((None, 7, 7, 16))
        (None, 14, 14, 8)
    """

    rank = 2
