"""Pooling by the largest value."""

from __future__ import annotations

from cnnfast.layers.pooling import MaxPooling


class MaxPooling1D(MaxPooling):
    """The largest value of each window.

    Formula: out[x, c] = max_i in[x s + i, c]; padding never wins.

    Args:
        pool_size: Length of the window.
        strides: Step between windows; None means `pool_size`.
        padding: "valid", "same", an int, or ((before, after),).
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        name: Its name in the model; None makes one up.
        ceil_mode: Whether a last window that only partly overlaps the sequence counts; a window larger than
            the sequence gives one output then.
        dilation_rate: Step between cells of a window.
        return_indices: Whether it also returns where the largest values are, as `MaxUnpool1D` takes it: their
            number among the cells of their channel, counted in C order.
        options: Arguments of every layer: `trainable`, `input_shape`.

    Shapes:
        (n, steps, c) -> (n, out, c), or (n, c, steps) -> (n, c, out).

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.MaxPooling1D`; ceil_mode, dilation and indices as in PyTorch.

    Example:
        >>> MaxPooling1D().compute_output_shape((None, 5, 1))
        (None, 2, 1)
        >>> MaxPooling1D(ceil_mode=True).compute_output_shape((None, 5, 1))
        (None, 3, 1)
    """

    rank = 1
