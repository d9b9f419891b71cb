"""Images in another size."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from cnnfast.layers.images import ImageLayer
from cnnfast.utils.arguments import INTERPOLATIONS, one_of, real_number, whole_number

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.layers.layer import LayerOptions
    from cnnfast.utils.serialization import Config


class Resizing(ImageLayer):
    """Images in another size.

    Formula: As `ops.image.resize`.

    Args:
        height: The output's height.
        width: Its width.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        crop_to_aspect_ratio: Whether what would change the shape of things is cut off first, on both sides.
        pad_to_aspect_ratio: Whether borders are added first, for the same reason.
        fill_mode: How these are filled: "constant".
        fill_value: What they are filled with.
        antialias: Whether a smaller size takes all pixels into account; not for "nearest".
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, h, w, c) -> (n, height, width, c), or (n, c, h, w) -> (n, c, height, width); one image likewise.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input is no batch of images.

    Source:
        Keras 3, `keras.layers.Resizing`.

    Example:
        >>> Resizing(8, 8).compute_output_shape((None, 4, 5, 3))
        (None, 8, 8, 3)
    """

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(data_format, **options)
        self.height, self.width = whole_number(height, "height", 1), whole_number(width, "width", 1)
        one_of(interpolation, "interpolation", INTERPOLATIONS)
        one_of(fill_mode, "fill_mode", ("constant",))
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise ValueError("only one of crop_to_aspect_ratio and pad_to_aspect_ratio may be True, got both")
        self.interpolation, self.fill_mode = interpolation, fill_mode
        self.crop_to_aspect_ratio = bool(crop_to_aspect_ratio)
        self.pad_to_aspect_ratio = bool(pad_to_aspect_ratio)
        self.fill_value = real_number(fill_value, "fill_value", -math.inf)
        self.antialias = bool(antialias)

    def call(self, inputs: Any) -> Any:
        """Returns the values that it makes."""
        from cnnfast.ops.image import resize

        return resize(inputs, (self.height, self.width), **self._how())

    def _how(self) -> Config:
        return {
            "interpolation": self.interpolation,
            "crop_to_aspect_ratio": self.crop_to_aspect_ratio,
            "pad_to_aspect_ratio": self.pad_to_aspect_ratio,
            "fill_mode": self.fill_mode,
            "fill_value": self.fill_value,
            "antialias": self.antialias,
            "data_format": self.data_format,
        }

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "height": self.height, "width": self.width, **self._how()}
