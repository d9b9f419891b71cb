"""Pooling by the mean."""

from __future__ import annotations

from cnnfast.layers.pooling import AveragePooling


class AveragePooling3D(AveragePooling):
    """The mean of each window.

    Formula: out[z, y, x, c] = mean_{k, i, j} in[z s + k, y s + i, x s + j, c]

    Args:
        pool_size: Depth, height and width of the window, an int or three.
        strides: Step between windows, an int or three; None means `pool_size`.
        padding: "valid", "same", an int, one number an axis, or (before, after) of each.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        name: Its name in the model; None makes one up.
        ceil_mode: Whether a last window that only partly overlaps the volume counts; a window larger than the
            volume gives one output then.
        count_include_pad: Whether padding counts, as zeros; otherwise only cells of the volume do.
        options: Arguments of every layer: `trainable`, `input_shape`.

    Shapes:
        (n, d, h, w, c) -> (n, od, oh, ow, c), or (n, c, d, h, w) -> (n, c, od, oh, ow).

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.AveragePooling3D`; ceil_mode and count_include_pad as in PyTorch.

    Example:
        >>> import numpy as np
        >>> AveragePooling3D()(np.arange(8.0).reshape(1, 2, 2, 2, 1))
        array([[[[[3.5]]]]], dtype=float32)
    """

    rank = 3
