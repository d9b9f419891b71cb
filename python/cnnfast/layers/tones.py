"""Tones of images changed by what the images are: solarized, spread, equalized."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.layers.augmentation import factor_range
from cnnfast.layers.random_colours import ColourAugmentation
from cnnfast.utils.arguments import whole_number

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.layers.layer import LayerOptions
    from cnnfast.layers.tracing import Value
    from cnnfast.utils.serialization import Config


class Tones(ColourAugmentation):
    """Base of what has no factor of its own.

    Args:
        value_range, data_format, seed, options: As for `ColourAugmentation`.
    """

    def __init__(
        self, value_range: Any, data_format: str | None, seed: int | None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(0.0, value_range, data_format, seed, **options)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        config = super().get_config()
        del config["factor"]
        return config

    def _histogram(self, tones: Any, base: int) -> Any:
        """How many of the last axis have each tone below base^2, of (n, m, pixels): (n, m, base^2).

        A tone is two digits, and the histogram the product of which pixels have the one and the other.
        """
        from cnnfast import ops

        high = ops.floor((tones + 0.5) / base)
        digits = [ops.one_hot(each, base) for each in (high, tones - base * high)]
        square = ops.matmul(ops.transpose(digits[0], (0, 1, 3, 2)), digits[1])
        return ops.reshape(square, (None, tones.dims[0], base * base))


class Solarization(Tones):
    """Adds a number to each image while training, then makes negatives of what lies above a threshold.

    Formula: x = min(in + 255 a, 255); out = x where x < 255 t, else 255 - x; a and t uniform, on numbers from
    0 to 255

    Args:
        addition_factor: Range of a, within 0 and 1; one number stands for 0 and itself.
        threshold_factor: Range of t, likewise.
        value_range: Between which numbers images are.
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, height, width, channels) or (n, channels, height, width), unchanged; one image likewise.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input is no image.

    Source:
        Keras 3, `keras.layers.Solarization`.

    Example:
        >>> import numpy as np
        >>> Solarization()(np.full((1, 1, 1), 55.0))
        array([[[200.]]], dtype=float32)
    """

    def __init__(
        self,
        addition_factor: Any = 0.0,
        threshold_factor: Any = 0.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(value_range, data_format, seed, **options)
        self.addition_factor = factor_range(addition_factor, "addition_factor", (0.0, 1.0))
        self.threshold_factor = factor_range(threshold_factor, "threshold_factor", (0.0, 1.0))

    def _changed(self, images: Value) -> Any:
        from cnnfast import ops

        added, limit = (
            255.0 * self._uniform(images, *factor) for factor in (self.addition_factor, self.threshold_factor)
        )
        made = ops.clip(self._scaled(images, 255.0) + added, 0.0, 255.0)
        return self._scaled(ops.where(ops.less(made, limit), made, 255.0 - made), 255.0, back=True)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        factors = {"addition_factor": self.addition_factor, "threshold_factor": self.threshold_factor}
        return {**super().get_config(), **factors}


class AutoContrast(Tones):
    """Spreads each channel of each image over the whole range of values, also in prediction.

    Formula: out = (in - min) / (max - min) (high - low) + low; a channel of one number stays

    Args:
        value_range: (low, high), between which numbers images are.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, height, width, channels) or (n, channels, height, width), unchanged; one image likewise.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input is no image.

    Source:
        Keras 3, `keras.layers.AutoContrast`.

    Example:
        >>> import numpy as np
        >>> AutoContrast()(np.array([[[10.0], [20.0], [15.0]]])).ravel()
        array([  0. , 255. , 127.5], dtype=float32)
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(value_range, data_format, None, **options)

    def _changed(self, images: Value) -> Any:
        from cnnfast import ops

        height, (begin, end) = 1 + self._height_axis, self.value_range
        low = ops.min(images, (height, height + 1), keepdims=True)
        extent = ops.max(images, (height, height + 1), keepdims=True) - low
        spread = (images - low) / ops.where(ops.greater(extent, 0.0), extent, 1.0)
        return ops.where(ops.greater(extent, 0.0), spread * (end - begin) + begin, images)

    _unchanged = _changed

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        config = super().get_config()
        del config["seed"]
        return config


class Equalization(Tones):
    """Makes all tones of a channel equally frequent while training.

    Formula: out = round(255 (count(in) - least) / (pixels - least)), count(x) the pixels whose tone is at
    most that of x, least the smallest count; on numbers from 0 to 255, which fall into `bins` tones

    Args:
        value_range: Between which numbers images are.
        bins: Number of tones, at least 2.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, height, width, channels) or (n, channels, height, width), unchanged; one image likewise.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input is no image.

    Source:
        Keras 3, `keras.layers.Equalization`.

    Example:
        >>> import numpy as np
        >>> Equalization()(np.array([[[10.0], [11.0], [12.0]]])).ravel()
        array([  0., 128., 255.], dtype=float32)
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        bins: int = 256,
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(value_range, data_format, None, **options)
        self.bins = whole_number(bins, "bins", 2)

    def _changed(self, images: Value) -> Any:
        from cnnfast import ops

        rows, columns = self._sides(images)
        first = self._channel_axis == 0
        planes = images if first else ops.transpose(images, (0, 3, 1, 2))
        channels, pixels = planes.dims[0], rows * columns
        values = self._scaled(ops.reshape(planes, (None, channels, pixels)), 255.0)
        tones = ops.floor(ops.clip(values / 255.0 * (self.bins - 1), 0.0, self.bins - 1))
        counts = ops.take_along_axis(self._counts(tones), tones, -1)
        least = ops.min(counts, -1, keepdims=True)
        several = ops.less(least, float(pixels))
        equal = (counts - least) * 255.0 / ops.where(several, pixels - least, 1.0)
        made = self._scaled(ops.where(several, ops.round(equal), values), 255.0, back=True)
        made = ops.reshape(made, (None, channels, rows, columns))
        return made if first else ops.transpose(made, (0, 2, 3, 1))

    def _counts(self, tones: Any) -> Any:
        """How many pixels have each tone or one below: (n, channels, tones)."""
        from cnnfast import ops

        base = int(np.ceil(np.sqrt(self.bins)))
        upto = np.triu(np.ones((base * base, base * base), np.float32))
        return ops.matmul(self._histogram(tones, base), upto)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        config = super().get_config()
        del config["seed"]
        return {**config, "bins": self.bins}
