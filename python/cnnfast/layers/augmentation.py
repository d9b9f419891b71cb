"""What layers have in common that show other views of images while training.

The random numbers of a sample are made of the seed, the step, the layer and the sample's place in the batch
alone, whatever the threads; the core computes them within its step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.layers.images import ImageLayer
from cnnfast.layers.noise import own_seed, uniform
from cnnfast.utils.arguments import entries, real_number

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.layers.layer import LayerOptions
    from cnnfast.layers.tracing import Value
    from cnnfast.utils.serialization import Config

Pair = tuple[float, float]


def pair_of(value: Any, name: str) -> Pair:
    """Returns two numbers, the smaller one first.

    Raises:
        ValueError: If these are not two numbers.

    Example:
        >>> pair_of((255, 0), "value_range")
        (0.0, 255.0)
    """
    each = entries(value)
    if each is None or len(each) != 2:
        raise ValueError(f"{name} must be two numbers, got {value!r}")
    low, high = sorted(real_number(one, name, -np.inf) for one in each)
    return low, high


def factor_range(value: Any, name: str, bounds: Pair = (-1.0, 1.0)) -> Pair:
    """Returns between which numbers a factor is drawn: those given, or -value and value within the bounds.

    Raises:
        ValueError: If these are no numbers within the bounds.

    Example:
        >>> factor_range(0.2, "factor"), factor_range(0.2, "factor", (0, 1))
        ((-0.2, 0.2), (0.0, 0.2))
    """
    if entries(value) is not None:
        low, high = pair_of(value, name)
    else:
        high = abs(real_number(value, name, -np.inf))
        low = max(-high, float(bounds[0]))
    if low < bounds[0] or high > bounds[1]:
        raise ValueError(f"{name} must be within {bounds[0]:g} and {bounds[1]:g}, got {value!r}")
    return low, high


class _Draws:
    """Numbers the draws of a layer and of those in it."""

    count = 0


class Augmentation(ImageLayer):
    """Base of the layers that change images while training: they define `_changed`.

    Args:
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.
    """

    def __init__(
        self, data_format: str | None = None, seed: int | None = None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(data_format, **options)
        self.seed = own_seed(seed)
        self._draws = _Draws()

    def call(self, inputs: Any, training: bool = True) -> Any:
        """Returns the images that it makes."""
        if len(inputs.dims) != 3:
            raise ValueError(f"layer {self.name!r} takes images, got shape {inputs.shape}")
        self._draws.count = 0
        return self._changed(inputs) if training else self._unchanged(inputs)

    def _changed(self, images: Value) -> Any:
        raise NotImplementedError

    def _unchanged(self, images: Value) -> Any:
        return images

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "seed": self.seed}

    # -- for `_changed` ----------------------------------------------------------------------------------

    def _hold(self, parts: Sequence[Augmentation]) -> None:
        """Has other layers draw in the name of this one, of its seed."""
        for part in parts:
            part.seed, part._draws = self.seed, self._draws

    def _draw(self, count: int) -> tuple[int | None, int]:
        """The seed and the first of so many draws."""
        self._draws.count += count
        return self.seed, self._draws.count - count

    @property
    def _channel_axis(self) -> int:
        """Among the axes of a sample."""
        return 0 if self.data_format == "channels_first" else 2

    @property
    def _height_axis(self) -> int:
        return 1 if self.data_format == "channels_first" else 0

    def _sides(self, images: Value) -> tuple[int, int]:
        height, width = images.dims[self._height_axis : self._height_axis + 2]
        return height, width

    def _uniform(self, images: Value, low: float = 0.0, high: float = 1.0) -> Any:
        """A number in [low, high) for each image, (n, 1, 1, 1)."""
        from cnnfast.ops.shaping import moved

        if low == high:
            return low
        pixel = moved(images, "slice", [(0, 1, 1)] * 3)
        return low + (high - low) * uniform(pixel, *self._draw(1))

    def _sign(self, images: Value) -> Any:
        """1 or -1 for each image."""
        from cnnfast import ops

        return ops.where(ops.less(self._uniform(images), 0.5), 1.0, -1.0)

    def _some(self, images: Value, factor: Pair) -> Any:
        """Whether an image is chosen, with a probability that is drawn itself."""
        from cnnfast import ops

        return ops.less(self._uniform(images), self._uniform(images, *factor))
