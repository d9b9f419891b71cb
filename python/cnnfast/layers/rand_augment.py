"""Several of the other augmentations, drawn for each image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast.layers.augmentation import Augmentation, factor_range, pair_of
from cnnfast.layers.random_colours import (
    RandomBrightness,
    RandomColorDegeneration,
    RandomContrast,
    RandomPosterization,
)
from cnnfast.layers.random_details import RandomSharpness
from cnnfast.layers.random_geometry import RandomRotation, RandomShear, RandomTranslation
from cnnfast.layers.tones import AutoContrast, Equalization, Solarization
from cnnfast.utils.arguments import whole_number

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.layers.layer import LayerOptions
    from cnnfast.layers.tracing import Value
    from cnnfast.utils.serialization import Config


class RandAugment(Augmentation):
    """Changes each image by some of eleven augmentations, one after the other.

    They are `RandomShear`, `RandomTranslation`, `RandomRotation`, `RandomBrightness`,
    `RandomColorDegeneration`, `RandomContrast`, `RandomSharpness`, `RandomPosterization`, `Solarization`,
    `AutoContrast` and `Equalization`. All are computed, and each image takes its own.

    Args:
        value_range: Between which numbers images are.
        num_ops: How many augmentations an image gets.
        factor: The augmentations' factor, within 0 and 1; one number stands for 0 and itself.
        interpolation: "bilinear" or "nearest".
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, height, width, 3) or (n, 3, height, width), unchanged; one image likewise.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input is no image.

    Source:
        Cubuk et al., 2019; Keras 3, `keras.layers.RandAugment`.

    Example:
        >>> import numpy as np
        >>> RandAugment()(np.zeros((4, 8, 8, 3))).shape
        (4, 8, 8, 3)
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_ops: int = 2,
        factor: Any = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(data_format, seed, **options)
        self.value_range, self.num_ops = (
            pair_of(value_range, "value_range"),
            whole_number(num_ops, "num_ops", 0),
        )
        self.factor = own = factor_range(factor, "factor", (0.0, 1.0))
        self.interpolation = interpolation
        layout: Any = {"data_format": self.data_format}
        moved = {**layout, "interpolation": interpolation}
        valued = {**layout, "value_range": self.value_range}
        self._parts: list[Augmentation] = [
            RandomShear(own, own, **moved),
            RandomTranslation(own, own, **moved),
            RandomRotation(own, **moved),
            RandomBrightness(own, **valued),
            RandomColorDegeneration(own, **valued),
            RandomContrast(own, **valued),
            RandomSharpness(own, **valued),
            RandomPosterization(max(1, int(8 * own[1])), **valued),
            Solarization(own, own, **valued),
            AutoContrast(**valued),
            Equalization(**valued),
        ]
        self._hold(self._parts)

    def _changed(self, images: Value) -> Any:
        from cnnfast import ops

        made: Any = images
        for _ in range(self.num_ops):
            chosen, before = ops.floor(self._uniform(images, 0, len(self._parts))), made
            for i, part in enumerate(self._parts):
                made = ops.where(ops.equal(chosen, float(i)), part._changed(before), made)
        return made

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {
            **super().get_config(),
            "value_range": self.value_range,
            "num_ops": self.num_ops,
            "factor": self.factor,
            "interpolation": self.interpolation,
        }
