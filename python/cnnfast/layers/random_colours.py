"""Colours, contrast and sharpness of images changed at random while training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from cnnfast.layers.augmentation import Augmentation, Pair, factor_range, pair_of
from cnnfast.utils.arguments import entries, real_number

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.layers.layer import LayerOptions
    from cnnfast.layers.tracing import Value
    from cnnfast.utils.serialization import Config


class ColourAugmentation(Augmentation):
    """Base of the layers that change numbers of a known range by a factor.

    Args:
        factor: Range of what is drawn for each image.
        value_range: Between which numbers images are; what comes out is held within.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.
    """

    bounds: ClassVar[Pair] = (0.0, 1.0)

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(data_format, seed, **options)
        self.factor = factor_range(factor, "factor", self.bounds)
        self.value_range = pair_of(value_range, "value_range")

    def _held(self, images: Any) -> Any:
        from cnnfast import ops

        return ops.clip(images, *self.value_range)

    def _scaled(self, images: Any, top: float, back: bool = False) -> Any:
        """From the range of values to 0 and `top`, or back."""
        low, high = self.value_range
        if (low, high) == (0.0, top):
            return images
        scale = (high - low) / top
        return images * scale + low if back else (images - low) / scale

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "factor": self.factor, "value_range": self.value_range}


class RandomBrightness(ColourAugmentation):
    """Makes each image lighter or darker.

    Formula: out = in + a (high - low), held within low and high, a uniform

    Args:
        factor: Range of a, within -1 and 1; one number stands for its negative and itself.
        value_range: Between which numbers images are.
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, height, width, channels) or (n, channels, height, width), unchanged; one image likewise.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input is no image.

    Source:
        Keras 3, `keras.layers.RandomBrightness`.

    Example:
        >>> import numpy as np
        >>> RandomBrightness((0.2, 0.2))(np.full((1, 1, 1), 100.0))
        array([[[151.]]], dtype=float32)
    """

    bounds = (-1.0, 1.0)

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(factor, value_range, data_format, seed, **options)

    def _changed(self, images: Value) -> Any:
        low, high = self.value_range
        return self._held(images + (high - low) * self._uniform(images, *self.factor))


class RandomContrast(ColourAugmentation):
    """Spreads each image's numbers around their mean in each channel, or draws them together.

    Formula: out = (in - mean) a + mean, held within the range of values, a uniform in [1 - lower, 1 + upper]

    Args:
        factor: (lower, upper), within 0 and 1; or one number for both.
        value_range: Between which numbers images are.
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, height, width, channels) or (n, channels, height, width), unchanged; one image likewise.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input is no image.

    Source:
        Keras 3, `keras.layers.RandomContrast`.

    Example:
        >>> import numpy as np
        >>> flat = RandomContrast((1.0, 0.0), seed=1)(np.array([[[0.0], [100.0]]]))
        >>> float(flat.mean())
        50.0
    """

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        both = factor if entries(factor) is not None else (factor, factor)
        super().__init__((0.0, 1.0), value_range, data_format, seed, **options)
        each = [real_number(one, "factor") for one in both]
        if len(each) != 2 or max(each) > 1:
            raise ValueError(f"factor must be one or two numbers within 0 and 1, got {factor!r}")
        self.factor = (each[0], each[1])

    def _changed(self, images: Value) -> Any:
        from cnnfast import ops

        height = 1 + self._height_axis
        mean = ops.mean(images, (height, height + 1), keepdims=True)
        spread = self._uniform(images, 1 - self.factor[0], 1 + self.factor[1])
        return self._held((images - mean) * spread + mean)


class RandomSaturation(ColourAugmentation):
    """Makes colours stronger or weaker.

    Formula: saturation = min(1, saturation * a / (1 - a)), a uniform

    Args:
        factor: Range of a, within 0 and 1; one number stands for 0 and itself. 0 makes grey, 0.5 nothing.
        value_range: Between which numbers images are.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, height, width, channels) or (n, channels, height, width), unchanged; one image likewise.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input is no image.

    Source:
        Keras 3, `keras.layers.RandomSaturation`.

    Example:
        >>> import numpy as np
        >>> RandomSaturation((0.0, 0.0))(np.array([[[50.0, 100.0, 0.0]]]))
        array([[[100., 100., 100.]]], dtype=float32)
    """

    def _changed(self, images: Value) -> Any:
        from cnnfast import ops

        share = self._uniform(images, *self.factor)
        hue, saturation, value = ops.split(
            ops.image.rgb_to_hsv(images, self.data_format), 3, self._channel_axis + 1
        )
        stronger = ops.minimum(saturation * (share / (1.0 - share + 1e-7)), 1.0)
        joined = ops.concatenate([hue, stronger, value], self._channel_axis + 1)
        return ops.image.hsv_to_rgb(joined, self.data_format)


class RandomHue(ColourAugmentation):
    """Turns all hues of an image by an angle.

    Formula: hue = (hue + s a / 2) mod 1, a uniform, s = 1 or -1

    Args:
        factor: Range of a, within 0 and 1; one number stands for 0 and itself.
        value_range: Between which numbers images are.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, height, width, channels) or (n, channels, height, width), unchanged; one image likewise.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input is no image.

    Source:
        Keras 3, `keras.layers.RandomHue`.

    Example:
        >>> RandomHue(0.2).factor
        (0.0, 0.2)
    """

    def _changed(self, images: Value) -> Any:
        from cnnfast import ops

        turn = self._sign(images) * self._uniform(images, *self.factor) * 0.5
        hue, saturation, value = ops.split(
            ops.image.rgb_to_hsv(self._scaled(images, 1.0), self.data_format), 3, self._channel_axis + 1
        )
        joined = ops.concatenate([hue + turn, saturation, value], self._channel_axis + 1)
        rgb = ops.image.hsv_to_rgb(joined, self.data_format)
        return self._scaled(ops.clip(rgb, 0.0, 1.0), 1.0, back=True)


class RandomColorDegeneration(ColourAugmentation):
    """Moves the colours of each image towards its grey.

    Formula: out = in + a (grey - in), held within the range of values, a uniform

    Args:
        factor: Range of a, within 0 and 1; one number stands for 0 and itself.
        value_range: Between which numbers images are.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, height, width, channels) or (n, channels, height, width), unchanged; one image likewise.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input is no image.

    Source:
        Keras 3, `keras.layers.RandomColorDegeneration`.

    Example:
        >>> import numpy as np
        >>> RandomColorDegeneration((1.0, 1.0))(np.array([[[0.0, 100.0, 0.0]]])).round(1)
        array([[[58.7, 58.7, 58.7]]], dtype=float32)
    """

    def _changed(self, images: Value) -> Any:
        from cnnfast import ops

        grey = ops.image.rgb_to_grayscale(images, self.data_format)
        return self._held(images + self._uniform(images, *self.factor) * (grey - images))


class RandomInvert(ColourAugmentation):
    """Makes negatives of some images.

    Formula: out = high - in

    Args:
        factor: Range of the probability, which is drawn for each image; one number stands for 0 and itself.
        value_range: Between which numbers images are.
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, height, width, channels) or (n, channels, height, width), unchanged; one image likewise.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input is no image.

    Source:
        Keras 3, `keras.layers.RandomInvert`.

    Example:
        >>> import numpy as np
        >>> RandomInvert((1.0, 1.0))(np.full((1, 1, 1), 100.0))
        array([[[155.]]], dtype=float32)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(factor, value_range, data_format, seed, **options)

    def _changed(self, images: Value) -> Any:
        from cnnfast import ops

        return ops.where(self._some(images, self.factor), self.value_range[1] - images, images)


class RandomPosterization(ColourAugmentation):
    """Keeps the first bits of each number, as many as are drawn.

    Formula: out = floor(in / 2^(8 - bits)) 2^(8 - bits), on numbers from 0 to 255

    Args:
        factor: Range of the bits, whole numbers within 1 and 8, the larger one left out; one number stands
            for 1 and itself.
        value_range: Between which numbers images are.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, height, width, channels) or (n, channels, height, width), unchanged; one image likewise.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input is no image.

    Source:
        Keras 3, `keras.layers.RandomPosterization`.

    Example:
        >>> import numpy as np
        >>> RandomPosterization((3, 3))(np.full((1, 1, 1), 100.0))
        array([[[96.]]], dtype=float32)
    """

    bounds = (1.0, 8.0)

    def _changed(self, images: Value) -> Any:
        from cnnfast import ops

        low, high = self.factor
        drawn = self._uniform(images, low, high)
        step = ops.round(ops.exp2(8.0 - ops.floor(drawn))) if low < high else 2.0 ** (8 - low)
        bytes_ = ops.clip(ops.floor(self._scaled(images, 255.0)), 0.0, 255.0)
        return self._scaled(ops.floor(bytes_ / step) * step, 255.0, back=True)


class RandomGrayscale(Augmentation):
    """Takes the colours from some images.

    Args:
        factor: The probability.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, height, width, 3) or (n, 3, height, width), unchanged; one image likewise.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input is no image.

    Source:
        Keras 3, `keras.layers.RandomGrayscale`.

    Example:
        >>> import numpy as np
        >>> RandomGrayscale(1.0)(np.array([[[0.0, 100.0, 0.0]]])).round(1)
        array([[[58.7, 58.7, 58.7]]], dtype=float32)
    """

    def __init__(
        self,
        factor: float = 0.5,
        data_format: str | None = None,
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(data_format, seed, **options)
        self.factor = factor_range((0.0, factor), "factor", (0.0, 1.0))[1]

    def _changed(self, images: Value) -> Any:
        from cnnfast import ops

        grey = ops.image.rgb_to_grayscale(images, self.data_format)
        return ops.where(ops.less(self._uniform(images), self.factor), grey, images)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "factor": self.factor}


class RandomColorJitter(Augmentation):
    """Changes brightness, contrast, saturation and hue, one after the other; those that are given.

    Args:
        value_range: Between which numbers images are.
        brightness_factor: As the factor of `RandomBrightness`; None leaves it.
        contrast_factor: As that of `RandomContrast`.
        saturation_factor: As that of `RandomSaturation`.
        hue_factor: As that of `RandomHue`.
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, height, width, channels) or (n, channels, height, width), unchanged; one image likewise.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input is no image.

    Source:
        Keras 3, `keras.layers.RandomColorJitter`.

    Example:
        >>> RandomColorJitter(hue_factor=0.1).hue_factor
        0.1
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        brightness_factor: Any = None,
        contrast_factor: Any = None,
        saturation_factor: Any = None,
        hue_factor: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(data_format, seed, **options)
        self.value_range = value_range
        self.brightness_factor, self.contrast_factor = brightness_factor, contrast_factor
        self.saturation_factor, self.hue_factor = saturation_factor, hue_factor
        kinds = (
            (RandomBrightness, brightness_factor),
            (RandomContrast, contrast_factor),
            (RandomSaturation, saturation_factor),
            (RandomHue, hue_factor),
        )
        self._parts = [
            kind(factor, value_range, data_format=self.data_format)
            for kind, factor in kinds
            if factor is not None
        ]
        self._hold(self._parts)

    def _changed(self, images: Value) -> Any:
        made: Any = images
        for part in self._parts:
            made = part._changed(made)
        return made

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {
            **super().get_config(),
            "value_range": self.value_range,
            "brightness_factor": self.brightness_factor,
            "contrast_factor": self.contrast_factor,
            "saturation_factor": self.saturation_factor,
            "hue_factor": self.hue_factor,
        }
