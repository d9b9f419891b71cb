"""Images distorted like rubber while training."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.layers.augmentation import factor_range
from cnnfast.layers.noise import normal
from cnnfast.layers.random_colours import ColourAugmentation
from cnnfast.utils.arguments import FILL_MODES, one_of, real_number

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.layers.layer import LayerOptions
    from cnnfast.layers.tracing import Value
    from cnnfast.utils.serialization import Config

_FARTHEST = 3  # deviations of a bell curve


class RandomElasticTransform(ColourAugmentation):
    """Reads the pixels of some images at places that are moved smoothly to and fro.

    Formula: out(p) = in(p + 0.1 a max(h, w) d(p)), d = noise of deviation s, blurred by a bell curve of
    deviation s = 0.05 a min(h, w); a uniform; held within the range of values

    Args:
        factor: Range of the probability, which is drawn for each image; one number stands for 0 and itself.
        scale: Range of a, within 0 and 1; likewise.
        interpolation: "bilinear" or "nearest".
        fill_mode: What lies beyond the border: "reflect", "wrap", "constant", "nearest" or "mirror".
        fill_value: The number of "constant".
        value_range: Between which numbers images are.
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, height, width, channels) or (n, channels, height, width), unchanged; one image likewise.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input is no image.

    Source:
        Simard et al., 2003; Keras 3, `keras.layers.RandomElasticTransform`.

    Example:
        >>> RandomElasticTransform(scale=0.3).scale
        (0.0, 0.3)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(factor, value_range, data_format, seed, **options)
        self.scale = factor_range(scale, "scale", (0.0, 1.0))
        one_of(interpolation, "interpolation", ("nearest", "bilinear"))
        one_of(fill_mode, "fill_mode", FILL_MODES)
        self.interpolation, self.fill_mode = interpolation, fill_mode
        self.fill_value = real_number(fill_value, "fill_value", -math.inf)

    def _changed(self, images: Value) -> Any:
        from cnnfast import ops
        from cnnfast.ops.sampling import grid, sampled

        if self.scale[1] == 0 or self.factor[1] == 0:
            return images
        rows, columns = self._sides(images)
        scale = self._uniform(images, *self.scale)
        still = grid(rows, columns, np.array([0, 1]), np.array([1, 0]), 0.0)
        at = still + 0.1 * max(rows, columns) * scale * self._field(images, scale)
        seen = sampled(images, at, self.interpolation, self.fill_mode, self.fill_value, self.data_format)
        return self._held(ops.where(self._some(images, self.factor), seen, images))

    def _field(self, images: Value, scale: Any) -> Any:
        """How far each pixel's row and column move: (n, height, width, 2)."""
        from cnnfast import ops
        from cnnfast.ops.shaping import moved

        rows, columns = self._sides(images)
        pixel = moved(images, "slice", [(0, 1, 1)] * 3)
        deviation = 0.05 * min(rows, columns) * scale + 1e-6
        zeros = np.zeros((2, rows, columns), np.float32)
        field = ops.where(ops.less(pixel, pixel), 1.0, zeros)  # for each image: nothing is less than itself
        noise = normal(field, *self._draw(2)) * deviation
        smooth = ops.matmul(_bell(rows, deviation), ops.matmul(noise, _bell(columns, deviation)))
        return ops.transpose(smooth, (0, 2, 3, 1))

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {
            **super().get_config(),
            "scale": self.scale,
            "interpolation": self.interpolation,
            "fill_mode": self.fill_mode,
            "fill_value": self.fill_value,
        }


def _bell(side: int, deviation: Any) -> Any:
    """What each cell of an axis counts for each, as a matrix; beyond the border are zeros."""
    from cnnfast import ops

    steps = np.arange(-side + 1, side, dtype=np.float32)
    apart = steps[side - 1 + np.arange(side)[:, None] - np.arange(side)]

    def weights(distance: Any) -> Any:
        x = distance / deviation
        return ops.where(ops.less_equal(ops.abs(x), float(_FARTHEST)), ops.exp(-0.5 * x * x), 0.0)

    total = ops.sum(weights(steps[None, None]), -1, keepdims=True)
    return weights(apart[None]) / total
