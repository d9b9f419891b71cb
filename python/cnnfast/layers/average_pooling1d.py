"""Pooling by the mean."""

from __future__ import annotations

from cnnfast.layers.pooling import AveragePooling


class AveragePooling1D(AveragePooling):
    """The mean of each window.

    Formula: out[x, c] = mean_i in[x s + i, c]

    Args:
        pool_size: Length of the window.
        strides: Step between windows; None means `pool_size`.
        padding: "valid", "same", an int, or ((before, after),).
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        name: Its name in the model; None makes one up.
        ceil_mode: Whether a last window that only partly overlaps the sequence counts; a window larger than
            the sequence gives one output then.
        count_include_pad: Whether padding counts, as zeros; otherwise only steps of the sequence do.
        options: Arguments of every layer: `trainable`, `input_shape`.

    Shapes:
        (n, steps, c) -> (n, out, c), or (n, c, steps) -> (n, c, out).

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.AveragePooling1D`; ceil_mode and count_include_pad as in PyTorch.

    Example:
        >>> import numpy as np
        >>> AveragePooling1D()(np.array([[[1.0], [2.0]]]))
        array([[[1.5]]], dtype=float32)
    """

    rank = 1
