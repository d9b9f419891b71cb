"""Picture files as arrays, in whatever form they come: rotated, transparent, 16 bits, floats, CMYK, huge."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.utils.locks import fork_lock

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    Bytes = NDArray[np.uint8]

# What white may be in a picture of more than 8 bits: cameras write 10, 12 and 14 bits into 16.
_WHITES = (255, 1023, 4095, 16383, 65535)
# Where what is seen of a picture is brighter than this, white behind it would hide it.
_BRIGHT = 0.75
# Python's warning filters belong to all threads.
_opening = fork_lock()


class ImageFileError(ValueError):
    """A file that is no picture, or one that cannot be read; the message names it and says why."""


def suffixes() -> frozenset[str]:
    """The endings of the files that can be read, such as ".png".

    Raises:
        ImportError: If Pillow is not installed.

    Example:
        >>> sorted({".jpg", ".txt"} & suffixes())
        ['.jpg']
    """
    return frozenset(pillow().registered_extensions())


def read_image(path: Path, size: tuple[int, int], channels: int) -> Bytes:
    """Reads a picture whole and in its proportions, with its border's colour beside it where these differ.

    Args:
        path: The file.
        size: (height, width) wanted.
        channels: 1 for grey, 3 for colours.

    Returns:
        An array of shape (height, width, channels).

    Raises:
        ImageFileError: If the file is no picture that can be read.
        ImportError: If Pillow is not installed.
    """
    from PIL import ImageOps

    height, width = size
    picture = open_image(path, least=3 * max(size))
    if picture.mode == "F":
        picture = pillow().fromarray(np.rint(np.asarray(picture) * 255).astype(np.uint8))
    picture = picture.convert("L" if channels == 1 else "RGB")
    if picture.size != (width, height):
        paper = np.median(border(np.asarray(picture)), axis=0).astype(int).tolist()
        color = paper if channels == 1 else tuple(paper)
        picture = ImageOps.pad(picture, (width, height), pillow().Resampling.BILINEAR, color=color)
    return np.asarray(picture).reshape(height, width, channels)


def border(pixels: NDArray[Any]) -> NDArray[Any]:
    """Returns the outermost pixels of (height, width, ...) as (n, ...).

    Example:
        >>> border(np.arange(9).reshape(3, 3)).tolist()
        [0, 1, 2, 6, 7, 8, 0, 3, 6, 2, 5, 8]
    """
    return np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])


def open_image(path: Path, least: int, opaque: bool = True) -> Image:
    """Opens a picture upright, opaque, and no larger than is of use.

    Transparent parts become white, or black where what is seen is so bright that white would hide it.

    Args:
        path: The file.
        least: Pixels that the longer side keeps at least, where it has them.
        opaque: Whether transparent parts are filled.

    Returns:
        The picture in Pillow's mode "L" or "RGB" (or "RGBA"), or, of more than 8 bits, in "F" from 0 to 1.

    Raises:
        ImageFileError: If the file is no picture that can be read.
        ImportError: If Pillow is not installed.
    """
    images = pillow()
    from PIL import UnidentifiedImageError

    if not path.is_file():
        raise ImageFileError(f"there is no picture {path}")
    try:
        with _opening, warnings.catch_warnings():
            warnings.simplefilter("ignore", images.DecompressionBombWarning)  # told below, in a sentence
            file = images.open(path)
        with file:
            file.draft(None, (least, least))  # lets JPEG leave out what is too fine
            _check_size(path, file.size)
            return _plain(file, least, opaque)
    except (ImageFileError, MemoryError):
        raise
    except images.DecompressionBombError:
        raise _too_large(path, "too many") from None
    except UnidentifiedImageError:
        raise ImageFileError(f"{path} is no picture of a kind that Pillow knows") from None
    # Pillow's readers raise whatever a damaged file leads them to.
    except Exception as error:
        why = str(error) or type(error).__name__
        raise ImageFileError(f"{path} is no picture that can be read: {why}") from error


def pillow() -> Any:
    """Returns Pillow's module of pictures.

    Raises:
        ImportError: If Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError("reading pictures needs Pillow: pip install 'cnnfast[viz]'") from error
    return Image


def _check_size(path: Path, size: tuple[int, int]) -> None:
    if math.prod(size) > (pillow().MAX_IMAGE_PIXELS or math.inf):
        raise _too_large(path, " x ".join(map(str, size)))


def _too_large(path: Path, pixels: str) -> ImageFileError:
    limit = pillow().MAX_IMAGE_PIXELS / 1e6
    return ImageFileError(
        f"{path} has {pixels} pixels, more than the {limit:.0f} million that are read; shrink it"
    )


def _plain(file: Image, least: int, opaque: bool) -> Image:
    from PIL import ImageOps

    ImageOps.exif_transpose(file, in_place=True)
    if file.mode.startswith(("I", "F")):
        picture = pillow().fromarray(_from_0_to_1(np.asarray(file)))
    elif file.has_transparency_data:
        picture = _in_mode(file, "RGBA")
    else:
        picture = _in_mode(file, "L" if file.mode in ("1", "L") else "RGB")
    factor = max(picture.size) // least
    if factor > 1:
        picture = picture.reduce(factor)
    return _opaque(picture) if opaque and picture.mode == "RGBA" else picture


def _in_mode(picture: Image, mode: str) -> Image:
    """The picture itself where it is so already; Pillow's `convert` would copy it."""
    return picture if picture.mode == mode else picture.convert(mode)


def _from_0_to_1(values: NDArray[np.generic]) -> NDArray[np.float32]:
    """Deep greys from 0 to 1. White is the least usual white that holds them; floats may be so already."""
    deep = values.astype(np.float32)
    lowest, highest = float(deep.min()), float(deep.max())
    if not np.isfinite(lowest + highest):
        raise ValueError("it holds values that are not finite")
    whites = (1, *_WHITES) if values.dtype.kind == "f" else _WHITES
    black = min(lowest, 0.0)
    white = next((white for white in whites if white >= highest), highest)
    deep -= np.float32(black)
    deep /= np.float32(white - black)
    return deep


def _opaque(picture: Image) -> Image:
    alpha = np.asarray(picture.getchannel("A"), np.float32)
    seen = float((np.asarray(picture.convert("L"), np.float32) * alpha).sum() / max(float(alpha.sum()), 1.0))
    paper = "black" if seen > 255 * _BRIGHT else "white"
    return pillow().alpha_composite(pillow().new("RGBA", picture.size, paper), picture).convert("RGB")
