"""Pooling of whole sequences, images and volumes by the mean."""

from __future__ import annotations

from cnnfast.layers.global_pooling import GlobalPooling


class GlobalAveragePooling1D(GlobalPooling):
    """The mean of each channel over the whole sequence.

    Formula: out[c] = mean_{x} in[x, c]

    Args:
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        keepdims: Whether the pooled axes stay, of size 1.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, steps, c) or (n, c, steps) -> (n, c); with keepdims (n, 1, c) for channels_last.

    Raises:
        ValueError: When called, if the input does not suit it.

    Source:
        Keras 3, `keras.layers.GlobalAveragePooling1D`.

    Example:
        >>> GlobalAveragePooling1D().compute_output_shape((None, 5, 3))
        (None, 3)
        >>> GlobalAveragePooling1D(keepdims=True).compute_output_shape((None, 5, 3))
        (None, 1, 3)
    """

    rank = 1
    maximum = False


class GlobalAveragePooling2D(GlobalPooling):
    """The mean of each channel over the whole image.

    Formula: out[c] = mean_{y, x} in[y, x, c]

    Args:
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        keepdims: Whether the pooled axes stay, of size 1.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, h, w, c) or (n, c, h, w) -> (n, c); with keepdims (n, 1, 1, c) for channels_last.

    Raises:
        ValueError: When called, if the input does not suit it.

    Source:
        Keras 3, `keras.layers.GlobalAveragePooling2D`.

    Example:
        >>> GlobalAveragePooling2D().compute_output_shape((None, 5, 4, 3))
        (None, 3)
        >>> GlobalAveragePooling2D(keepdims=True).compute_output_shape((None, 5, 4, 3))
        (None, 1, 1, 3)
    """

    rank = 2
    maximum = False


class GlobalAveragePooling3D(GlobalPooling):
    """The mean of each channel over the whole volume.

    Formula: out[c] = mean_{z, y, x} in[z, y, x, c]

    Args:
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        keepdims: Whether the pooled axes stay, of size 1.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, d, h, w, c) or (n, c, d, h, w) -> (n, c); with keepdims (n, 1, 1, 1, c) for channels_last.

    Raises:
        ValueError: When called, if the input does not suit it.

    Source:
        Keras 3, `keras.layers.GlobalAveragePooling3D`.

    Example:
        >>> GlobalAveragePooling3D().compute_output_shape((None, 5, 4, 2, 3))
        (None, 3)
        >>> GlobalAveragePooling3D(keepdims=True).compute_output_shape((None, 5, 4, 2, 3))
        (None, 1, 1, 1, 3)
    """

    rank = 3
    maximum = False
