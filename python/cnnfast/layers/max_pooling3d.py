"""Pooling by the largest value."""

from __future__ import annotations

from cnnfast.layers.pooling import MaxPooling


class MaxPooling3D(MaxPooling):
    """The largest value of each window.

    Formula: out[z, y, x, c] = max_{k, i, j} in[z s + k, y s + i, x s + j, c]; padding never wins.

    Args:
        pool_size: Depth, height and width of the window, an int or three.
        strides: Step between windows, an int or three; None means `pool_size`.
        padding: "valid", "same", an int, one number an axis, or (before, after) of each.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        name: Its name in the model; None makes one up.
        ceil_mode: Whether a last window that only partly overlaps the volume counts; a window larger than the
            volume gives one output then.
        dilation_rate: Step between cells of a window, an int or three.
        return_indices: Whether it also returns where the largest values are, as `MaxUnpool3D` takes it: their
            number among the cells of their channel, counted in C order.
        options: Arguments of every layer: `trainable`, `input_shape`.

    Shapes:
        (n, d, h, w, c) -> (n, od, oh, ow, c), or (n, c, d, h, w) -> (n, c, od, oh, ow).

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.MaxPooling3D`; ceil_mode, dilation and indices as in PyTorch.

    Example:
        >>> MaxPooling3D().compute_output_shape((None, 5, 5, 5, 1))
        (None, 2, 2, 2, 1)
        >>> MaxPooling3D(ceil_mode=True).compute_output_shape((None, 5, 5, 5, 1))
        (None, 3, 3, 3, 1)
    """

    rank = 3
