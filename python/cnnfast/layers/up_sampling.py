"""Images in other sizes, and larger sequences, images and volumes by repeating their cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from cnnfast.config import resolve_data_format
from cnnfast.layers.layer import Layer
from cnnfast.utils.arguments import COORDINATES, INTERPOLATIONS, one_of, per_axis

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.layers.layer import LayerOptions
    from cnnfast.utils.serialization import Config


class UpSampling(Layer):
    """Base of the layers that repeat cells."""

    rank: ClassVar[int]  # number of spatial axes

    def __init__(self, size: Any, data_format: str | None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.size = per_axis(size, "size", self.rank)
        self.data_format = resolve_data_format(data_format)

    def call(self, inputs: Any) -> Any:
        """Returns the values that it makes."""
        from cnnfast.ops.shaping import moved

        times = [1, *self.size] if self.data_format == "channels_first" else [*self.size, 1]
        return moved(inputs, "repeat", times)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "size": self.size, "data_format": self.data_format}


class UpSampling1D(UpSampling):
    """Repeats each step of a sequence.

    Args:
        size: How many times, at least 1.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, steps, c) -> (n, steps * size, c).

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.UpSampling1D`.

    Example:
        >>> import numpy as np
        >>> UpSampling1D(2)(np.array([[[1.0], [5.0]]])).ravel()
        array([1., 1., 5., 5.], dtype=float32)
    """

    rank = 1

    def __init__(self, size: int = 2, **options: Unpack[LayerOptions]) -> None:
        super().__init__(size, "channels_last", **options)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        config = super().get_config()
        del config["data_format"]
        return config


class UpSampling2D(UpSampling):
    """Makes images larger by whole numbers.

    Args:
        size: How many times, at least 1: an int, or (height, width).
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        interpolation: "nearest" (rows and columns are repeated), "bilinear", "bicubic", "lanczos3" or
            "lanczos5".
        coordinates: Where pixels lie, as in `ops.image.resize`; "align_corners" is PyTorch's argument of that
            name.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, h, w, c) -> (n, h * size, w * size, c), or (n, c, h, w) -> (n, c, h * size, w * size).

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.UpSampling2D`.

    Example:
        >>> UpSampling2D((2, 3)).compute_output_shape((None, 4, 5, 8))
        (None, 8, 15, 8)
    """

    rank = 2

    def __init__(
        self,
        size: Any = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        *,
        coordinates: str = "half_pixel",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(size, data_format, **options)
        one_of(interpolation, "interpolation", INTERPOLATIONS)
        one_of(coordinates, "coordinates", COORDINATES)
        self.interpolation, self.coordinates = interpolation, coordinates

    def call(self, inputs: Any) -> Any:
        """Returns the values that it makes."""
        from cnnfast.ops.image import resize

        if self.interpolation == "nearest" and self.coordinates != "align_corners":
            return super().call(inputs)
        height = 2 if self.data_format == "channels_first" else 1
        size = [side * times for side, times in zip(inputs.shape[height:], self.size, strict=False)]
        return resize(
            inputs, size, self.interpolation, data_format=self.data_format, coordinates=self.coordinates
        )

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        how = {"interpolation": self.interpolation, "coordinates": self.coordinates}
        return {**super().get_config(), **how}


class UpSampling3D(UpSampling):
    """Repeats the cells of a volume along each axis.

    Args:
        size: How many times, at least 1: an int, or one number an axis.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, d, h, w, c) -> (n, d * size, h * size, w * size, c), or the same with the channels first.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.UpSampling3D`.

    Example:
        >>> UpSampling3D(2).compute_output_shape((None, 4, 5, 6, 8))
        (None, 8, 10, 12, 8)
    """

    rank = 3

    def __init__(
        self, size: Any = (2, 2, 2), data_format: str | None = None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(size, data_format, **options)
