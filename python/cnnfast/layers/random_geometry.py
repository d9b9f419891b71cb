"""Images turned, moved, scaled and cut at random while training."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cnnfast.layers.augmentation import Augmentation, factor_range
from cnnfast.utils.arguments import one_of, real_number, whole_number

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.layers.layer import LayerOptions
    from cnnfast.layers.tracing import Value
    from cnnfast.utils.serialization import Config

_MODES = ("horizontal_and_vertical", "horizontal", "vertical")


def _pair(y: Any, x: Any) -> Any:
    """What belongs to rows and to columns, side by side: (n, 1, 1, 2)."""
    return y * np.array([1, 0], np.float32) + x * np.array([0, 1], np.float32)


class RandomFlip(Augmentation):
    """Mirrors each image with a probability of one half in each of its directions.

    Args:
        mode: "horizontal", "vertical" or "horizontal_and_vertical", the two of which are drawn apart.
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, height, width, channels) or (n, channels, height, width), unchanged; one image likewise.

    Raises:
        ValueError: If there is no such mode, or, when called, the input is no image.

    Source:
        Keras 3, `keras.layers.RandomFlip`.

    Example:
        >>> import numpy as np
        >>> RandomFlip("horizontal")(np.array([[[1.0], [2.0]]]), training=False).ravel()
        array([1., 2.], dtype=float32)
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(data_format, seed, **options)
        one_of(mode, "mode", _MODES)
        self.mode = mode

    def _changed(self, images: Value) -> Any:
        from cnnfast import ops

        made: Any = images
        for direction, axis in (("vertical", self._height_axis), ("horizontal", self._height_axis + 1)):
            if direction in self.mode:
                turned = ops.flip(made, axis + 1)
                made = ops.where(ops.less(self._uniform(images), 0.5), turned, made)
        return made

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "mode": self.mode}


class RandomCrop(Augmentation):
    """Cuts a window out of each image, at a place of its own.

    In prediction, and of images that are not larger in both directions, the largest window of the same
    proportions around the centre is resized.

    Args:
        height: The window's height.
        width: Its width.
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, h, w, c) -> (n, height, width, c), or (n, c, h, w) -> (n, c, height, width); one image likewise.

    Raises:
        ValueError: If a side is below 1, or, when called, the input is no image.

    Source:
        Keras 3, `keras.layers.RandomCrop`.

    Example:
        >>> RandomCrop(24, 24).compute_output_shape((None, 32, 32, 3))
        (None, 24, 24, 3)
    """

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(data_format, seed, **options)
        self.height, self.width = whole_number(height, "height", 1), whole_number(width, "width", 1)

    def _changed(self, images: Value) -> Any:
        from cnnfast import ops
        from cnnfast.ops.sampling import grid, sampled

        rows, columns = self._sides(images)
        if rows <= self.height or columns <= self.width:
            return self._unchanged(images)
        top, left = (
            ops.floor(self._uniform(images, 0, side - kept + 1))
            for side, kept in ((rows, self.height), (columns, self.width))
        )
        at = grid(self.height, self.width, _pair(0.0, 1.0), _pair(1.0, 0.0), _pair(top, left))
        return sampled(images, at, "nearest", "nearest", 0.0, self.data_format)

    def _unchanged(self, images: Value) -> Any:
        from cnnfast.ops.image import resize

        size = (self.height, self.width)
        return resize(images, size, crop_to_aspect_ratio=True, data_format=self.data_format)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "height": self.height, "width": self.width}


class AffineAugmentation(Augmentation):
    """Base of the layers that read images at places which are linear in a pixel's row and column."""

    modes: ClassVar[tuple[str, ...]] = ("reflect", "wrap", "constant", "nearest")

    def __init__(
        self,
        fill_mode: str,
        interpolation: str,
        seed: int | None,
        fill_value: float,
        data_format: str | None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(data_format, seed, **options)
        one_of(fill_mode, "fill_mode", self.modes)
        one_of(interpolation, "interpolation", ("nearest", "bilinear"))
        self.fill_mode, self.interpolation = fill_mode, interpolation
        self.fill_value = real_number(fill_value, "fill_value", -math.inf)

    def _changed(self, images: Value) -> Any:
        from cnnfast.ops.sampling import grid, sampled

        at = grid(*self._sides(images), *self._places(images))
        return sampled(images, at, self.interpolation, self.fill_mode, self.fill_value, self.data_format)

    def _places(self, images: Value) -> tuple[Any, Any, Any]:
        """How the places (y, x) change along a column, along a row, and where they begin."""
        raise NotImplementedError

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {
            **super().get_config(),
            "fill_mode": self.fill_mode,
            "interpolation": self.interpolation,
            "fill_value": self.fill_value,
        }


class RandomTranslation(AffineAugmentation):
    """Moves each image by random shares of its sides.

    Formula: out(y, x) = in(y - a h, x - b w), a and b uniform

    Args:
        height_factor: Range of a, within -1 and 1; one number stands for its negative and itself.
        width_factor: Range of b, likewise.
        fill_mode: What lies beyond the border: "reflect", "wrap", "constant" or "nearest".
        interpolation: "bilinear" or "nearest".
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        fill_value: The number of "constant".
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, height, width, channels) or (n, channels, height, width), unchanged; one image likewise.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input is no image.

    Source:
        Keras 3, `keras.layers.RandomTranslation`.

    Example:
        >>> import numpy as np
        >>> moved = RandomTranslation((0.5, 0.5), 0.0, fill_mode="constant")(np.ones((2, 1, 1)))
        >>> moved.ravel()
        array([0., 1.], dtype=float32)
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **options)
        self.height_factor = factor_range(height_factor, "height_factor")
        self.width_factor = factor_range(width_factor, "width_factor")

    def _places(self, images: Value) -> tuple[Any, Any, Any]:
        rows, columns = self._sides(images)
        down = self._uniform(images, *self.height_factor) * -float(rows)
        right = self._uniform(images, *self.width_factor) * -float(columns)
        return _pair(0.0, 1.0), _pair(1.0, 0.0), _pair(down, right)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        factors = {"height_factor": self.height_factor, "width_factor": self.width_factor}
        return {**super().get_config(), **factors}


class RandomRotation(AffineAugmentation):
    """Turns each image around its centre.

    Args:
        factor: Range of the angle as a share of a whole turn, within -1 and 1; one number stands for its
            negative and itself.
        fill_mode: What lies beyond the border: "reflect", "wrap", "constant" or "nearest".
        interpolation: "bilinear" or "nearest".
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        fill_value: The number of "constant".
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, height, width, channels) or (n, channels, height, width), unchanged; one image likewise.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input is no image.

    Source:
        Keras 3, `keras.layers.RandomRotation`.

    Example:
        >>> import numpy as np
        >>> turned = RandomRotation((0.5, 0.5), interpolation="nearest")(np.array([[[1.0], [2.0]]]))
        >>> turned.ravel()
        array([2., 1.], dtype=float32)
    """

    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **options)
        self.factor = factor_range(factor, "factor")

    def _places(self, images: Value) -> tuple[Any, Any, Any]:
        from cnnfast import ops

        rows, columns = self._sides(images)
        angle = self._uniform(images, *(2 * math.pi * share for share in self.factor))
        cos, sin = ops.cos(angle), ops.sin(angle)
        y, x = (rows - 1) / 2, (columns - 1) / 2
        return _pair(sin, cos), _pair(cos, -sin), _pair(y - x * sin - y * cos, x - x * cos + y * sin)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "factor": self.factor}


class RandomZoom(AffineAugmentation):
    """Makes what each image shows larger or smaller around its centre.

    Formula: out(y, x) = in(cy + (1 + a) (y - cy), cx + (1 + b) (x - cx)), (cy, cx) the centre, a and b
    uniform

    Args:
        height_factor: Range of a, above -1 and to 1; one number stands for its negative and itself. Below 0
            things become larger.
        width_factor: Range of b, likewise; None: b is a.
        fill_mode: What lies beyond the border: "reflect", "wrap", "constant" or "nearest".
        interpolation: "bilinear" or "nearest".
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        fill_value: The number of "constant".
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, height, width, channels) or (n, channels, height, width), unchanged; one image likewise.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input is no image.

    Source:
        Keras 3, `keras.layers.RandomZoom`.

    Example:
        >>> import numpy as np
        >>> RandomZoom((-0.5, -0.5))(np.array([[[1.0], [2.0], [3.0]]])).ravel()
        array([1.5, 2. , 2.5], dtype=float32)
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **options)
        self.height_factor = factor_range(height_factor, "height_factor")
        self.width_factor = None if width_factor is None else factor_range(width_factor, "width_factor")
        for name, factor in (("height_factor", self.height_factor), ("width_factor", self.width_factor)):
            if factor is not None and factor[0] <= -1:
                raise ValueError(f"{name} must be above -1, got {factor[0]:g}")

    def _places(self, images: Value) -> tuple[Any, Any, Any]:
        rows, columns = self._sides(images)
        down = 1.0 + self._uniform(images, *self.height_factor)
        right = down if self.width_factor is None else 1.0 + self._uniform(images, *self.width_factor)
        begin = _pair((rows - 1) / 2 * (1.0 - down), (columns - 1) / 2 * (1.0 - right))
        return _pair(0.0, right), _pair(down, 0.0), begin

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        factors = {"height_factor": self.height_factor, "width_factor": self.width_factor}
        return {**super().get_config(), **factors}


class RandomShear(AffineAugmentation):
    """Makes parallelograms of images.

    Formula: out(y, x) = in(y + s b x, x + s a y), a and b uniform, s = 1 or -1

    Args:
        x_factor: Range of a, within 0 and 1; one number stands for 0 and itself.
        y_factor: Range of b, likewise.
        interpolation: "bilinear" or "nearest".
        fill_mode: What lies beyond the border: "reflect", "wrap", "constant" or "nearest".
        fill_value: The number of "constant".
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, height, width, channels) or (n, channels, height, width), unchanged; one image likewise.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input is no image.

    Source:
        Keras 3, `keras.layers.RandomShear`.

    Example:
        >>> RandomShear(0.2).x_factor
        (0.0, 0.2)
    """

    def __init__(
        self,
        x_factor: Any = 0.0,
        y_factor: Any = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **options)
        self.x_factor = factor_range(x_factor, "x_factor", (0.0, 1.0))
        self.y_factor = factor_range(y_factor, "y_factor", (0.0, 1.0))

    def _places(self, images: Value) -> tuple[Any, Any, Any]:
        sign = self._sign(images)
        x, y = (self._uniform(images, *factor) * sign for factor in (self.x_factor, self.y_factor))
        return _pair(y, 1.0), _pair(1.0, x), 0.0

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "x_factor": self.x_factor, "y_factor": self.y_factor}


class RandomPerspective(Augmentation):
    """Shows some images as if seen from aside: three corners move by random shares of their places.

    Formula: corners p go to p (1 + a), a uniform in scale * [-1/2, 1/2] for each coordinate, and all pixels
    by the homography that moves them so

    Args:
        factor: Range of the probability, which is drawn for each image; one number stands for 0 and itself.
        scale: How far corners may move, within 0 and 1.
        interpolation: "bilinear" or "nearest".
        fill_value: What lies beyond the border.
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, height, width, channels) or (n, channels, height, width), unchanged; one image likewise.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input is no image.

    Source:
        Heckbert, 1989; Keras 3, `keras.layers.RandomPerspective`.

    Example:
        >>> RandomPerspective(scale=0.3).factor
        (0.0, 1.0)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(data_format, seed, **options)
        self.factor = factor_range(factor, "factor", (0.0, 1.0))
        self.scale = factor_range(scale, "scale", (0.0, 1.0))[1]
        one_of(interpolation, "interpolation", ("nearest", "bilinear"))
        self.interpolation = interpolation
        self.fill_value = real_number(fill_value, "fill_value", -math.inf)

    def _changed(self, images: Value) -> Any:
        from cnnfast import ops
        from cnnfast.ops.sampling import grid, sampled

        rows, columns = self._sides(images)
        if self.scale == 0 or min(rows, columns) < 2:
            return images
        along, below = self._homography(images, rows - 1.0, columns - 1.0)
        at = grid(rows, columns, along[0], along[1], 0.0) / grid(rows, columns, below[0], below[1], 1.0)
        seen = sampled(images, at, self.interpolation, "constant", self.fill_value, self.data_format)
        return ops.where(self._some(images, self.factor), seen, images)

    def _homography(self, images: Value, bottom: float, right: float) -> tuple[Any, Any]:
        """From pixels to the places they show, what is divided and by what.

        It is the inverse of Heckbert's map from the unit square to the corners (0, 0), (0, x1), (y2, 0) and
        (y3, x3), each (y, x).
        """

        def moved(place: float) -> Any:
            return place * (1.0 + self._uniform(images, -0.5 * self.scale, 0.5 * self.scale))

        x1, x3, y2, y3 = moved(right), moved(right), moved(bottom), moved(bottom)
        det = (x1 - x3) * (y2 - y3) - x3 * y3
        g, h = x1 * (y3 - y2) / det, y2 * (x3 - x1) / det
        a, e = x1 * (1.0 + g), y2 * (1.0 + h)
        return (_pair(0.0, right / a), _pair(bottom / e, 0.0)), (-g / a, -h / e)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {
            **super().get_config(),
            "factor": self.factor,
            "scale": self.scale,
            "interpolation": self.interpolation,
            "fill_value": self.fill_value,
        }
