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


class _Several(Augmentation):
    """Draws one of the other augmentations for each image; all are computed.

    Args:
        value_range: Between which numbers images are.
        factor: The augmentations' factor.
        interpolation: "bilinear" or "nearest".
        colours: Whether brightness, colours, contrast and sharpness are among them.
        data_format, seed, options: As for `Augmentation`.
    """

    def __init__(
        self,
        value_range: Any,
        factor: Any,
        interpolation: str,
        colours: bool,
        data_format: str | None,
        seed: int | None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(data_format, seed, **options)
        self.value_range = pair_of(value_range, "value_range")
        self.factor = own = factor_range(factor, "factor", (0.0, 1.0))
        self.interpolation = interpolation
        layout: Any = {"data_format": self.data_format}
        moved = {**layout, "interpolation": interpolation}
        valued = {**layout, "value_range": self.value_range}
        self._parts: list[Augmentation] = [
            RandomShear(own, own, **moved),
            RandomTranslation(own, own, **moved),
            RandomRotation(own, **moved),
            RandomPosterization(max(1, int(8 * own[1])), **valued),
            Solarization(own, own, **valued),
            AutoContrast(**valued),
            Equalization(**valued),
        ]
        if colours:
            self._parts += [
                RandomBrightness(own, **valued),
                RandomColorDegeneration(own, **valued),
                RandomContrast(own, **valued),
                RandomSharpness(own, **valued),
            ]
        self._hold(self._parts)

    def _one(self, images: Any, or_none: bool = False) -> Any:
        """Each image changed by one that is drawn for it, or by none as likely as by each."""
        from cnnfast import ops

        chosen, made = ops.floor(self._uniform(images, 0, len(self._parts) + or_none)), images
        for number, part in enumerate(self._parts):
            made = ops.where(ops.equal(chosen, float(number)), part._changed(images), made)
        return made

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        own = ("value_range", "factor", "interpolation")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


class RandAugment(_Several):
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
        super().__init__(value_range, factor, interpolation, True, data_format, seed, **options)
        self.num_ops = whole_number(num_ops, "num_ops", 0)

    def _changed(self, images: Value) -> Any:
        made: Any = images
        for _ in range(self.num_ops):
            made = self._one(made)
        return made

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "num_ops": self.num_ops}


class AugMix(_Several):
    """Mixes each image with others that are made of it, each by a chain of augmentations.

    Formula: out = m in + (1 - m) sum_i w_i chain_i(in), w drawn from a Dirichlet and m from a beta
    distribution, both of alpha; limited to the value range. A chain is of `chain_depth` links, each of which
    is none or one of `RandAugment`'s eleven.

    Args:
        value_range: Between which numbers images are.
        num_chains: How many chains, at least 1.
        chain_depth: How many links a chain has, at least 1.
        factor: The augmentations' factor, within 0 and 1; one number stands for 0 and itself.
        alpha: How even the mixture is: a whole number, at least 1.
        all_ops: Whether brightness, colours, contrast and sharpness are among the augmentations.
        interpolation: "bilinear" or "nearest".
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, height, width, 3) or (n, 3, height, width), unchanged; one image likewise.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input is no image.

    Source:
        Hendrycks et al., 2019; Keras 3, `keras.layers.AugMix`, which draws once for all images of a batch.

    Example:
        >>> import numpy as np
        >>> AugMix(num_chains=1, chain_depth=1)(np.zeros((4, 8, 8, 3))).shape
        (4, 8, 8, 3)
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Any = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(value_range, factor, interpolation, all_ops, data_format, seed, **options)
        self.num_chains = whole_number(num_chains, "num_chains", 1)
        self.chain_depth = whole_number(chain_depth, "chain_depth", 1)
        self.alpha = whole_number(int(alpha) if float(alpha).is_integer() else alpha, "alpha", 1)
        self.all_ops = bool(all_ops)

    def _changed(self, images: Value) -> Any:
        from cnnfast import ops

        total, mixed = 0.0, 0.0
        for _ in range(self.num_chains):
            made: Any = images
            for _ in range(self.chain_depth):
                made = self._one(made, or_none=True)
            weight = self._gamma(images)
            total, mixed = total + weight, mixed + weight * made
        one, other = self._gamma(images), self._gamma(images)
        share = one / (one + other)
        return ops.clip(share * images + (1.0 - share) * (mixed / total), *self.value_range)

    def _gamma(self, images: Value) -> Any:
        """A number of the gamma distribution for each image: as many waiting times as alpha says."""
        from cnnfast import ops

        return -sum(ops.log(1.0 - self._uniform(images)) for _ in range(self.alpha))

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        own = ("num_chains", "chain_depth", "alpha", "all_ops")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}
