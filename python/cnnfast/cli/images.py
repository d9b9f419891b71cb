"""Pictures as a model takes them: its size, its channels, its order of axes, from 0 to 1."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from cnnfast.applications import preprocess_input
from cnnfast.cli.errors import UserError
from cnnfast.cli.ink import BlankError, Ink
from cnnfast.utils.image_file import open_image, pillow, read_image

Pixels = NDArray[np.uint8]

# What is made of a picture before a network sees it. "mnist": ink bright on black, centred as MNIST's digits
# are; "drawing": ink bright on black; "plain": its size alone changes; "imagenet", "inception": its middle,
# normalized as those weights take it that learnt ImageNet.
Preparation = Literal["mnist", "drawing", "plain", "imagenet", "inception"]
PREPARATIONS: tuple[Preparation, ...] = get_args(Preparation)
_NORMALIZED = {"imagenet": "torch", "inception": "tf"}  # modes of `preprocess_input`
_SHORTER_SIDE = 256 / 224  # of a picture whose middle is taken, by the middle's side

# Of a large page this many pixels a side are kept, so that a digit of a hundredth of it keeps its strokes.
_PAGE = 2048


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
            UserError: the model's input is something else, or not known.
        """
        try:
            shape = model.input_shape
        except ValueError as error:
            raise UserError(str(error)) from error
        if not isinstance(shape, tuple):
            raise UserError(f"the model takes several inputs, {shape}, and a picture is one")
        shape = shape[1:]
        if None in shape:
            raise UserError(
                f"the model takes inputs of shape {shape}, of any size: say one with --size, or in its Input"
            )
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

    @property
    def size(self) -> str:
        """As people write it: 28 x 28 grey."""
        return f"{self.height} x {self.width} {'grey' if self.channels == 1 else 'colour'}"

    def batch(self, images: Pixels, preparation: Preparation = "plain") -> NDArray[np.float32]:
        """Images (n, h, w, c), from 0 to 255, as the model takes them: from 0 to 1, or normalized.

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
        if preparation in _NORMALIZED and self.channels == 3:
            layout = "channels_first" if self.channels_first else "channels_last"
            return np.asarray(preprocess_input(images, layout, _NORMALIZED[preparation]))
        # In C's order, as `fit` reads without a copy: `Augment` writes into what it reads.
        return np.divide(images, 255, dtype=np.float32, order="C").reshape(len(images), *self.shape)


@dataclass(frozen=True)
class Prepared:
    """A picture for a model."""

    pixels: Pixels  # (h, w, c)
    changes: tuple[str, ...] = ()  # what was done to it beyond its size


def prepare(path: Path, wanted: ImageInput, preparation: Preparation) -> Prepared:
    """A picture file in the size and with the channels wanted.

    Raises:
        ImageFileError: it is no picture that can be read.
        BlankError: there is nothing on it; never raised for "plain".
        ImportError: Pillow is not installed.
    """
    if preparation in _NORMALIZED and wanted.channels == 3:
        return _middle(path, wanted)
    if preparation == "plain" or wanted.channels != 1:
        return Prepared(read_image(path, (wanted.height, wanted.width), wanted.channels))
    picture = open_image(path, _PAGE)
    white = 1 if picture.mode == "F" else 255
    grey = np.asarray(picture if white == 1 else picture.convert("L"), np.float32)
    try:
        ink = Ink.of(grey / np.float32(white))
    except BlankError as error:
        raise BlankError(f"{path} shows no drawing: {error}; --raw takes it as it is") from error
    fit = ink.centred if preparation == "mnist" else ink.fitted
    ink = fit(wanted.height, wanted.width)
    pixels = np.rint(ink.values * 255).astype(np.uint8)[..., np.newaxis]
    return Prepared(pixels, ink.changes)


def _middle(path: Path, wanted: ImageInput) -> Prepared:
    """The middle of a picture whose shorter side is scaled to little more, as ImageNet's are tested."""
    picture = open_image(path, _PAGE).convert("RGB")
    factor = _SHORTER_SIDE * max(wanted.height / picture.height, wanted.width / picture.width)
    size = (int(picture.width * factor + 0.5), int(picture.height * factor + 0.5))
    picture = picture.resize(size, pillow().Resampling.BILINEAR)
    left, top = round((size[0] - wanted.width) / 2), round((size[1] - wanted.height) / 2)
    picture = picture.crop((left, top, left + wanted.width, top + wanted.height))
    return Prepared(np.asarray(picture), ("its middle taken",))
