"""Convolution over sequences."""

from __future__ import annotations

from cnnfast.layers.convolution import Convolution


class Conv1D(Convolution):
    """Convolution (cross-correlation) of sequences with learned filters.

    Formula: out[x, f] = bias[f] + sum_{i, c} kernel[i, c, f] * in[x s + i d, c], with stride s and dilation
    d; output length floor((n + pads - d (k - 1) - 1) / s) + 1.

    Args:
        filters: Number of output channels, at least 1.
        kernel_size: Length of the filters.
        strides: Step between outputs.
        padding: "valid" (none), "same" (output length ceil(n / s)), "causal" (d (k - 1) before the first
            step, so that no output sees later ones), an int, or ((before, after),).
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        dilation_rate: Distance between the taps of a filter.
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
        channels_last: (n, steps, c) -> (n, out, filters); channels_first: (n, c, steps) -> (n, filters, out);
        kernel (k, c / groups, filters) in both.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.Conv1D`; padding_mode as in PyTorch.

    Example:
        >>> Conv1D(8, 3, padding="causal", dilation_rate=4).compute_output_shape((None, 100, 2))
        (None, 100, 8)
    """

    rank = 1
    paddings = ("valid", "same", "causal")
