"""Pooling to a given size by the mean."""

from __future__ import annotations

from cnnfast.layers.adaptive_pooling import AdaptivePooling


class AdaptiveAveragePooling1D(AdaptivePooling):
    """The mean of each window, of which there are as many as the output has places.

    Formula: along an axis of m cells with n outputs, window i goes from floor(i m / n) to
    ceil((i + 1) m / n).

    Args:
        output_size: Length of the output, which may be more than the input's.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, steps, c) -> (n, out, c), or (n, c, steps) -> (n, c, out).

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.AdaptiveAveragePooling1D`.

    Example:
        >>> AdaptiveAveragePooling1D(2).compute_output_shape((None, 7, 3))
        (None, 2, 3)
    """

    rank = 1
    maximum = False


class AdaptiveAveragePooling2D(AdaptivePooling):
    """The mean of each window, of which there are as many as the output has places.

    Formula: along an axis of m cells with n outputs, window i goes from floor(i m / n) to
    ceil((i + 1) m / n).

    Args:
        output_size: Height and width of the output, an int or two; they may be more than the input's.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, h, w, c) -> (n, oh, ow, c), or (n, c, h, w) -> (n, c, oh, ow).

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.AdaptiveAveragePooling2D`.

    Example:
        >>> AdaptiveAveragePooling2D(2).compute_output_shape((None, 7, 6, 3))
        (None, 2, 2, 3)
    """

    rank = 2
    maximum = False


class AdaptiveAveragePooling3D(AdaptivePooling):
    """The mean of each window, of which there are as many as the output has places.

    Formula: along an axis of m cells with n outputs, window i goes from floor(i m / n) to
    ceil((i + 1) m / n).

    Args:
        output_size: Depth, height and width of the output, an int or three; they may be more than
            the input's.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, d, h, w, c) -> (n, od, oh, ow, c), or (n, c, d, h, w) -> (n, c, od, oh, ow).

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.AdaptiveAveragePooling3D`.

    Example:
        >>> AdaptiveAveragePooling3D(2).compute_output_shape((None, 7, 6, 5, 3))
        (None, 2, 2, 2, 3)
    """

    rank = 3
    maximum = False
