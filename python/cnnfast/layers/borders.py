"""Zeros around sequences, images and volumes, and cutting off their borders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from cnnfast.config import resolve_data_format
from cnnfast.layers.images import ImageLayer
from cnnfast.layers.layer import Layer
from cnnfast.utils.arguments import Sides, normal_sides, whole_number

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast._core import Graph, Weight
    from cnnfast.layers.layer import LayerOptions
    from cnnfast.utils.serialization import Config


class Borders(Layer):
    """Base of the layers that add or take borders.

    Args:
        borders: (before, after) of each spatial axis, or shorter forms.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer.
    """

    rank: ClassVar[int]  # number of spatial axes
    argument: ClassVar[str]  # what the borders are called

    def __init__(self, borders: Any, data_format: str | None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        if self.rank == 1 and isinstance(borders, (list, tuple)) and len(borders) == 2:
            borders = (tuple(borders),)  # as Keras writes them for one axis
        self._borders = normal_sides(borders, self.argument, self.rank)
        self.data_format = resolve_data_format(data_format)

    def _sides(self) -> Sides:
        """The borders of all axes of a sample; channels have none."""
        first = self.data_format == "channels_first"
        return ((0, 0), *self._borders) if first else (*self._borders, (0, 0))

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), self.argument: self._borders, "data_format": self.data_format}


class ZeroPadding(Borders):
    """Base of the layers that add zeros."""

    argument = "padding"

    @property
    def padding(self) -> Sides:
        """(before, after) of each spatial axis."""
        return self._borders

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        return graph.pad(srcs[0], self._sides(), "constant", 0.0, self.name)


class Cropping(Borders):
    """Base of the layers that cut off borders."""

    argument = "cropping"

    @property
    def cropping(self) -> Sides:
        """(before, after) of each spatial axis."""
        return self._borders

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        shape = graph.shape(srcs[0])
        if len(shape) != self.rank + 1:
            raise ValueError(f"{self.name}: samples must have {self.rank + 1} axes, got {shape}")
        ranges = [(cut[0], 1, size - sum(cut)) for size, cut in zip(shape, self._sides(), strict=True)]
        if min(kept for _, _, kept in ranges) < 1:
            raise ValueError(
                f"{self.name}: cropping leaves nothing of samples {shape}: it takes {self._borders}"
            )
        return graph.slice(srcs[0], ranges, self.name)


class ZeroPadding1D(ZeroPadding):
    """Zeros around each sequence.

    Args:
        padding: Cells on each side, at least 0: an int, or (before, after).
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, steps, c) -> (n, out, c), or (n, c, steps) -> (n, c, out).

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.ZeroPadding1D`.

    Example:
        >>> ZeroPadding1D((2, 0)).compute_output_shape((None, 5, 3))
        (None, 7, 3)
    """

    rank = 1

    def __init__(
        self, padding: Any = 1, data_format: str | None = None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(padding, data_format, **options)


class ZeroPadding2D(ZeroPadding):
    """Zeros around each image.

    Args:
        padding: Cells on each side, at least 0: an int, (height, width), or ((top, bottom), (left, right)).
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, h, w, c) -> (n, oh, ow, c), or (n, c, h, w) -> (n, c, oh, ow).

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.ZeroPadding2D`.

    Example:
        >>> ZeroPadding2D(((1, 0), (2, 2))).compute_output_shape((None, 5, 4, 3))
        (None, 6, 8, 3)
    """

    rank = 2

    def __init__(
        self, padding: Any = (1, 1), data_format: str | None = None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(padding, data_format, **options)


class ZeroPadding3D(ZeroPadding):
    """Zeros around each volume.

    Args:
        padding: Cells on each side, at least 0: an int, one number an axis, or (before, after) of each.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, d, h, w, c) -> (n, od, oh, ow, c), or (n, c, d, h, w) -> (n, c, od, oh, ow).

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.ZeroPadding3D`.

    Example:
        >>> ZeroPadding3D(1).compute_output_shape((None, 5, 4, 6, 3))
        (None, 7, 6, 8, 3)
    """

    rank = 3

    def __init__(
        self, padding: Any = (1, 1, 1), data_format: str | None = None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(padding, data_format, **options)


class Cropping1D(Cropping):
    """Each sequence without some of its border.

    Args:
        cropping: Cells on each side, at least 0: an int, or (before, after).
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, steps, c) -> (n, out, c), or (n, c, steps) -> (n, c, out).

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.Cropping1D`.

    Example:
        >>> Cropping1D((2, 0)).compute_output_shape((None, 5, 3))
        (None, 3, 3)
    """

    rank = 1

    def __init__(
        self, cropping: Any = (1, 1), *, data_format: str | None = None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(cropping, data_format, **options)


class Cropping2D(Cropping):
    """Each image without some of its border.

    Args:
        cropping: Cells on each side, at least 0: an int, (height, width), or ((top, bottom), (left, right)).
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, h, w, c) -> (n, oh, ow, c), or (n, c, h, w) -> (n, c, oh, ow).

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.Cropping2D`.

    Example:
        >>> Cropping2D(((1, 0), (1, 2))).compute_output_shape((None, 5, 4, 3))
        (None, 4, 1, 3)
    """

    rank = 2

    def __init__(
        self,
        cropping: Any = ((0, 0), (0, 0)),
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(cropping, data_format, **options)


class Cropping3D(Cropping):
    """Each volume without some of its border.

    Args:
        cropping: Cells on each side, at least 0: an int, one number an axis, or (before, after) of each.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, d, h, w, c) -> (n, od, oh, ow, c), or (n, c, d, h, w) -> (n, c, od, oh, ow).

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Keras 3, `keras.layers.Cropping3D`.

    Example:
        >>> Cropping3D(1).compute_output_shape((None, 5, 4, 6, 3))
        (None, 3, 2, 4, 3)
    """

    rank = 3

    def __init__(
        self,
        cropping: Any = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(cropping, data_format, **options)


class CenterCrop(ImageLayer):
    """The middle of each image; where a border is of an odd number of cells, the lower right one is wider.

    Of a smaller image, the largest middle part of this shape is enlarged.

    Args:
        height: Rows that stay, at least 1.
        width: Columns that stay.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, h, w, c) -> (n, height, width, c), or (n, c, h, w) -> (n, c, height, width); one image likewise.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input is no image.

    Source:
        Keras 3, `keras.layers.CenterCrop`.

    Example:
        >>> CenterCrop(3, 2).compute_output_shape((None, 5, 4, 3))
        (None, 3, 2, 3)
    """

    def __init__(
        self, height: int, width: int, data_format: str | None = None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(data_format, **options)
        self.height, self.width = whole_number(height, "height", 1), whole_number(width, "width", 1)

    def call(self, inputs: Any) -> Any:
        """Returns the images that it makes."""
        from cnnfast.ops.image import resize
        from cnnfast.ops.shaping import moved

        shape = inputs.dims
        if len(shape) != 3:
            raise ValueError(f"{self.name}: samples must be images, (height, width, channels), got {shape}")
        at = 1 if self.data_format == "channels_first" else 0
        size = (self.height, self.width)
        if any(have < need for have, need in zip(shape[at:], size, strict=False)):
            return resize(inputs, size, crop_to_aspect_ratio=True, data_format=self.data_format)
        kept = (*shape[:at], *size, *shape[at + 2 :])
        ranges = [((have - need) // 2, 1, need) for have, need in zip(shape, kept, strict=True)]
        return moved(inputs, "slice", ranges)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "height": self.height, "width": self.width}
