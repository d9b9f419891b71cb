"""Pictures in files and as arrays, by Keras's names; Pillow reads and writes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.config import resolve_data_format
from cnnfast.utils.arguments import one_of, per_axis
from cnnfast.utils.image_file import open_image, pillow

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from PIL.Image import Image

_MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")
_ANY_SIZE = 1 << 20  # pixels of a side; larger ones are refused


def load_img(
    path: str | os.PathLike[str],
    color_mode: str = "rgb",
    target_size: Any = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Image:
    """Reads a picture from a file: upright, of 8 bits, and opaque unless "rgba" is asked for.

    Args:
        path: The file.
        color_mode: "grayscale", "rgb" or "rgba".
        target_size: (height, width) wanted; None for the picture's own.
        interpolation: "nearest", "bilinear", "bicubic", "hamming", "box" or "lanczos".
        keep_aspect_ratio: Whether what does not fit is cut off at the borders; otherwise it is stretched.

    Raises:
        ValueError: If the file is no picture that can be read, or an argument is not known.
        ImportError: If Pillow is not installed.

    Source:
        Keras 3, `keras.utils.load_img`.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     save_img(f"{folder}/a.png", np.zeros((6, 8, 3)))
        ...     load_img(f"{folder}/a.png", target_size=(3, 4)).size
        (4, 3)
    """
    one_of(color_mode, "color_mode", tuple(_MODES))
    one_of(interpolation, "interpolation", INTERPOLATIONS)
    picture = open_image(Path(path), _ANY_SIZE, opaque=color_mode != "rgba")
    if picture.mode == "F":
        picture = pillow().fromarray(np.rint(np.asarray(picture) * 255).astype(np.uint8))
    if picture.mode != _MODES[color_mode]:
        picture = picture.convert(_MODES[color_mode])
    if target_size is None:
        return picture
    height, width = per_axis(target_size, "target_size", 2)
    if picture.size == (width, height):
        return picture
    kind = pillow().Resampling[interpolation.upper()]
    return picture.resize(
        (width, height), kind, _middle(picture.size, width / height) if keep_aspect_ratio else None
    )


def _middle(size: tuple[int, int], shape: float) -> tuple[float, float, float, float]:
    """The largest box in the middle of a picture that has a width over height."""
    width, height = min(size[0], size[1] * shape), min(size[1], size[0] / shape)
    left, top = (size[0] - width) / 2, (size[1] - height) / 2
    return left, top, left + width, top + height


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> NDArray[Any]:
    """Returns a picture as an array of three axes.

    Args:
        img: A picture of Pillow's, or an array of two or three axes.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        dtype: The array's type; None is "float32".

    Raises:
        ValueError: If it has other axes.

    Source:
        Keras 3, `keras.utils.img_to_array`.

    Example:
        >>> img_to_array(np.zeros((6, 8))).shape
        (6, 8, 1)
    """
    first = resolve_data_format(data_format) == "channels_first"
    pixels = np.array(img, dtype=dtype or np.float32)
    if pixels.ndim == 2:
        return pixels[None] if first else pixels[..., None]
    if pixels.ndim != 3:
        raise ValueError(f"a picture has two or three axes, got shape {pixels.shape}")
    return pixels.transpose(2, 0, 1) if first else pixels


def array_to_img(
    x: ArrayLike, data_format: str | None = None, scale: bool = True, dtype: Any = None
) -> Image:
    """Returns an array as a picture of Pillow's.

    Args:
        x: The array, of three axes; 1, 3 or 4 channels.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        scale: Whether its numbers are spread over 0 to 255; otherwise they are taken as they are.
        dtype: In what type it is scaled; None is "float32".

    Raises:
        ValueError: If it has other axes or channels.
        ImportError: If Pillow is not installed.

    Source:
        Keras 3, `keras.utils.array_to_img`.

    Example:
        >>> array_to_img([[[0.0], [0.5]]]).getpixel((1, 0))
        255
    """
    pixels = np.asarray(x, dtype or np.float32)
    if pixels.ndim != 3:
        raise ValueError(f"a picture has three axes, got shape {pixels.shape}")
    if resolve_data_format(data_format) == "channels_first":
        pixels = pixels.transpose(1, 2, 0)
    if pixels.shape[2] not in (1, 3, 4):
        raise ValueError(f"a picture has 1, 3 or 4 channels, got shape {pixels.shape}")
    if scale:
        pixels = pixels - pixels.min()
        pixels = pixels * (255 / (pixels.max() or 1))
    pixels = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    picture: Image = pillow().fromarray(pixels.astype(np.int32 if pixels.max() > 255 else np.uint8))
    return picture


def save_img(
    path: Any,
    x: ArrayLike,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Writes an array to a picture file.

    Args:
        path: The file's path, or an open file.
        x: The array, as `array_to_img` takes it.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        file_format: The form, such as "png"; None goes by the path's ending.
        scale: Whether numbers are spread over 0 to 255.
        kwargs: What else Pillow's `save` takes.

    Raises:
        ValueError: If the array is no picture, or Pillow does not know the form.
        ImportError: If Pillow is not installed.

    Source:
        Keras 3, `keras.utils.save_img`.

    Example:
        >>> import io
        >>> save_img(file := io.BytesIO(), np.zeros((2, 2, 1)), file_format="png")
        >>> file.getvalue()[1:4]
        b'PNG'
    """
    picture = array_to_img(x, data_format, scale)
    known = file_format or os.path.splitext(os.fspath(path))[1].lstrip(".")
    if picture.mode == "RGBA" and known.lower() in ("jpg", "jpeg"):
        picture = picture.convert("RGB")  # which has no transparency
    picture.save(path, format="jpeg" if file_format == "jpg" else file_format, **kwargs)
