"""Pooling by the mean."""

from __future__ import annotations

from cnnfast.layers.pooling import AveragePooling


class AveragePooling2D(AveragePooling):
    """The mean of each window.

    Formula: out[y, x, c] = mean_{i, j} in[y s + i, x s + j, c]

    Args:
        pool_size: Height and width of the window, an int or two.
        strides: Step between windows, an int or two; None means `pool_size`.
        padding: "valid", "same", an int, (height, width), or ((top, bottom), (left, right)).
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        name: Its name in the model; None makes one up.
        ceil_mode: Whether a last window that only partly overlaps the image counts; a window larger than the
            image gives one output then.
        count_include_pad: Whether padding counts, as zeros; otherwise only pixels of the image do.
        options: Arguments of every layer: `trainable`, `input_shape`.

    Shapes:
        (n, h, w, c) -> (n, oh, ow, c), or (n, c, h, w) -> (n, c, oh, ow).

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.AveragePooling2D`; ceil_mode and count_include_pad as in PyTorch.

    Example:
        >>> import numpy as np
        >>> AveragePooling2D()(np.array([[[[1.0], [2.0]], [[3.0], [6.0]]]]))
        array([[[[3.]]]], dtype=float32)
    """

    rank = 2
