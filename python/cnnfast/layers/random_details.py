"""Images blurred, sharpened and erased in part at random while training."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.layers.augmentation import factor_range
from cnnfast.layers.random_colours import ColourAugmentation
from cnnfast.utils.arguments import entries, real_number

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.layers.layer import LayerOptions
    from cnnfast.layers.tracing import Value
    from cnnfast.utils.serialization import Config


class RandomSharpness(ColourAugmentation):
    """Blurs each image a little, or sharpens it.

    Formula: out = in + (1 - 2 a) (smooth - in), held within the range of values, a uniform; smooth is the
    mean of 3 x 3 pixels, of which the middle one counts five times

    Args:
        factor: Range of a, within 0 and 1; one number stands for 0 and itself. 0.5 changes nothing.
        value_range: Between which numbers images are.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, height, width, channels) or (n, channels, height, width), unchanged; one image likewise.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input is no image.

    Source:
        Keras 3, `keras.layers.RandomSharpness`.

    Example:
        >>> import numpy as np
        >>> RandomSharpness((0.0, 0.0))(np.array([[[0.0], [130.0], [0.0]]])).ravel().round()
        array([10., 50., 10.], dtype=float32)
    """

    def _changed(self, images: Value) -> Any:

        graph = images.graph
        pooled = graph.average_pool(
            images.number, (3, 3), (1, 1), "same", False, True, self.data_format, graph.named("smooth")
        )
        smooth = graph.value(pooled) * (9 / 13) + images * (4 / 13)
        return self._held(images + (1.0 - 2.0 * self._uniform(images, *self.factor)) * (smooth - images))


class RandomGaussianBlur(ColourAugmentation):
    """Blurs some images by a bell curve.

    Formula: As `ops.image.gaussian_blur`, with deviations of each image's own.

    Args:
        factor: Range of the probability, which is drawn for each image; one number stands for 0 and itself.
        kernel_size: Pixels that count along width and height: odd numbers, or one for both.
        sigma: Range of the deviations, within 0 and 1; one number stands for 0 and itself.
        value_range: Between which numbers images are.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, height, width, channels) or (n, channels, height, width), unchanged; one image likewise.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input is no image.

    Source:
        Keras 3, `keras.layers.RandomGaussianBlur`.

    Example:
        >>> RandomGaussianBlur(sigma=(0.5, 1.0)).kernel_size
        (3, 3)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        kernel_size: Any = 3,
        sigma: Any = 1.0,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        from cnnfast.ops.colours import odd_sizes

        super().__init__(factor, value_range, data_format, seed, **options)
        self.kernel_size = odd_sizes(kernel_size)
        self.sigma = factor_range(sigma, "sigma", (0.0, 1.0))

    def _changed(self, images: Value) -> Any:
        from cnnfast import ops
        from cnnfast.ops.colours import blurred

        across, down = (1e-6 + self._uniform(images, *self.sigma) for _ in range(2))
        width, height = self.kernel_size
        blurry = blurred(images, self._height_axis + 1, width, across)
        blurry = blurred(blurry, self._height_axis, height, down)
        return self._held(ops.where(self._some(images, self.factor), blurry, images))

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "kernel_size": self.kernel_size, "sigma": self.sigma}


class RandomErasing(ColourAugmentation):
    """Fills a box in some images.

    Args:
        factor: Range of the probability, which is drawn for each image; one number stands for 0 and itself.
        scale: Range of the squares of the box's sides, as shares of the image's; within 0 and 1.
        fill_value: What the box is filled with: one number or one a channel; None for normal noise.
        value_range: Between which numbers images are, and the noise is held.
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, height, width, channels) or (n, channels, height, width), unchanged; one image likewise.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input is no image.

    Source:
        Zhong et al., 2017; Keras 3, `keras.layers.RandomErasing`.

    Example:
        >>> import numpy as np
        >>> RandomErasing((1.0, 1.0), (1.0, 1.0), fill_value=7.0)(np.zeros((1, 2, 1))).ravel()
        array([7., 7.], dtype=float32)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = (0.02, 0.33),
        fill_value: Any = None,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(factor, value_range, data_format, seed, **options)
        self.scale = factor_range(scale, "scale", (0.0, 1.0))
        each = entries(fill_value)
        if each is not None:
            self.fill_value: Any = [real_number(one, "fill_value", -math.inf) for one in each]
        else:
            self.fill_value = fill_value and real_number(fill_value, "fill_value", -math.inf)

    def _changed(self, images: Value) -> Any:
        from cnnfast import ops

        inside: Any = self._some(images, self.factor)
        for i, side in enumerate(self._sides(images)):
            length = ops.sqrt(self._uniform(images, *self.scale)) * float(side)
            begin = self._uniform(images) * (side - length)
            places = np.arange(side, dtype=np.float32).reshape(-1, *(1,) * (2 - i - self._height_axis))
            within = ops.logical_and(ops.greater_equal(places, begin), ops.less(places, begin + length))
            inside = ops.logical_and(inside, within)
        return ops.where(inside, self._filling(images), images)

    def _filling(self, images: Value) -> Any:
        from cnnfast.layers.noise import normal

        if self.fill_value is None:
            return self._held(normal(images, *self._draw(2)) * self.value_range[1])
        fill = np.clip(np.asarray(self.fill_value, np.float32), *self.value_range)
        return fill.reshape(-1, 1, 1) if fill.ndim and self._channel_axis == 0 else fill

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "scale": self.scale, "fill_value": self.fill_value}
