"""Pooling by the largest value."""

from __future__ import annotations

from cnnfast.layers.pooling import MaxPooling


class MaxPooling2D(MaxPooling):
    """The largest value of each window.

    Formula: out[y, x, c] = max_{i, j} in[y s + i, x s + j, c]; padding never wins.

    Args:
        pool_size: Height and width of the window, an int or two.
        strides: Step between windows, an int or two; None means `pool_size`.
        padding: "valid", "same", an int, (height, width), or ((top, bottom), (left, right)).
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        name: Its name in the model; None makes one up.
        ceil_mode: Whether a last window that only partly overlaps the image counts; a window larger than the
            image gives one output then.
        dilation_rate: Step between cells of a window, an int or two.
        return_indices: Whether it also returns where the largest values are, as `MaxUnpool2D` takes it: their
            number among the cells of their channel, counted in C order.
        options: Arguments of every layer: `trainable`, `input_shape`.

    Shapes:
        (n, h, w, c) -> (n, oh, ow, c), or (n, c, h, w) -> (n, c, oh, ow).

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.MaxPooling2D`; ceil_mode, dilation and indices as in PyTorch.

    Example:
        >>> MaxPooling2D().compute_output_shape((None, 5, 5, 1))
        (None, 2, 2, 1)
        >>> MaxPooling2D(ceil_mode=True).compute_output_shape((None, 5, 5, 1))
        (None, 3, 3, 1)
    """

    rank = 2
