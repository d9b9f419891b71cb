"""Pictures as a model takes them: its size, its channels, its order of axes, from 0 to 1."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from cnnfast.cli.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image

Invert = Literal["auto", "yes", "no"]


@dataclass(frozen=True)
class ImageInput:
    """What a model's input shape means as a picture."""

    shape: tuple[int, ...]
    height: int
    width: int
    channels: int
    channels_first: bool = False

    @classmethod
    def of(cls, model: Any) -> "ImageInput":
        """Reads it from a model: (c, h, w) or (h, w, c) with 1 or 3 channels, (h, w), or h * h values.

        Raises:
            UserError: the model's input is something else.
        """
        shape = tuple(model.input_shape[1:])
        match shape:
            case (1 | 3 as channels, height, width) if width not in (1, 3):
                return cls(shape, height, width, channels, channels_first=True)
            case (height, width, 1 | 3 as channels):
                return cls(shape, height, width, channels)
            case (height, width):
                return cls(shape, height, width, 1)
            case (count,) if math.isqrt(count) ** 2 == count:
                return cls(shape, math.isqrt(count), math.isqrt(count), 1)
        raise UserError(f"the model takes inputs of shape {shape}, which are no pictures")

    def batch(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Images (n, h, w, c), from 0 to 255, as the model takes them.

        Raises:
            UserError: they have another size than the model's input.

        Example:
            >>> wanted = ImageInput((1, 2, 2), height=2, width=2, channels=1, channels_first=True)
            >>> wanted.batch(np.full((5, 2, 2, 1), 255, np.uint8)).shape
            (5, 1, 2, 2)
        """
        if images.shape[1:] != (self.height, self.width, self.channels):
            raise UserError(
                f"the model takes {self.height} x {self.width} x {self.channels} values (height, width, "
                f"channels), these pictures have {' x '.join(map(str, images.shape[1:]))}"
            )
        if self.channels_first:
            images = np.moveaxis(images, -1, 1)
        return np.divide(images, 255, dtype=np.float32).reshape(len(images), *self.shape)


def read_image(path: str, wanted: ImageInput, invert: Invert) -> NDArray[np.uint8]:
    """A PNG or JPEG file as (h, w, c) in the size and with the channels wanted; its proportions are kept.

    Args:
        path: the file.
        wanted: what the model takes.
        invert: whether black and white change places. "auto" does so for grey pictures with a bright
            border, since MNIST's digits are white on black and paper is not.

    Raises:
        UserError: there is no such file, or it is no picture.
    """
    picture = _open(path).convert("L" if wanted.channels == 1 else "RGB")
    pixels = np.asarray(picture)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    background = np.median(border, axis=0)
    from PIL import Image, ImageOps

    color = int(background) if wanted.channels == 1 else tuple(int(each) for each in background)
    size = (wanted.width, wanted.height)
    pixels = np.asarray(ImageOps.pad(picture, size, Image.Resampling.BOX, color=color))
    bright = wanted.channels == 1 and background > 127
    if invert == "yes" or (invert == "auto" and bright):
        pixels = 255 - pixels
    return pixels.reshape(wanted.height, wanted.width, wanted.channels)


def _open(path: str) -> "Image":
    """The picture upright, in 8 bits, and on white where it is transparent."""
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise UserError("reading pictures needs Pillow: pip install 'cnnfast[viz]'") from error
    if not Path(path).is_file():
        raise UserError(f"there is no picture {path}")
    try:
        with Image.open(path) as file:
            picture = ImageOps.exif_transpose(file)
            picture.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"{path} is no picture that can be read: {error}") from error
    if picture.mode.startswith("I"):
        # 16-bit grey, which Pillow would clip at 255.
        return Image.fromarray((np.asarray(picture) // 257).astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture
