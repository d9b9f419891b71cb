"""Drawings made like the pictures that a network learnt: bright ink on black, centred like MNIST's digits.

MNIST's makers scaled each digit into a box of 20 x 20 pixels and put its centre of mass into the middle of
28 x 28. Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
recognition", Proceedings of the IEEE 86(11), 1998, section III.A.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cnnfast.utils.image_file import border

if TYPE_CHECKING:
    from PIL.Image import Image

Grey = NDArray[np.float32]

# The share of the picture's side that the box takes.
_BOX = 20 / 28
# Ink fainter than this share of the darkest does not widen the box: it is blur.
_FAINT = 0.25
# Less contrast than this, of black to white, is no drawing, nor is contrast that hardly leaves the noise.
_LEAST_CONTRAST, _LEAST_OVER_NOISE = 0.04, 2.0
# A normal distribution's median absolute deviation times this holds 99 of 100 of its values.
_NOISE = 3.8
# Shading makes paper this much brighter or darker; it is looked for where so much of the border is paper.
_SHADING, _MOST, _TURNS = 0.2, 0.6, 3
# Changes smaller than these are not worth telling.
_STRETCH_WORTH_TELLING, _SHIFT_WORTH_TELLING = 1.1, 1.5


class BlankError(ValueError):
    """There is no ink on the paper, or no paper: of a photo as of a blank page."""


@dataclass(frozen=True)
class Ink:
    """What is on a picture's paper: 0 where there is none, 1 at its strongest."""

    values: Grey
    changes: tuple[str, ...] = ()  # what was done to the picture, where that changed it

    @classmethod
    def of(cls, grey: Grey) -> "Ink":
        """Finds the paper's grey by the picture's border, and on which side of it the ink is.

        Args:
            grey: (height, width) from 0, black, to 1, white.

        Raises:
            BlankError: nothing stands out.

        Example:
            >>> paper = np.full((4, 4), 0.5, np.float32)
            >>> paper[1, 2] = 0.25
            >>> ink = Ink.of(paper)
            >>> ink.values[1].tolist(), ink.changes
            ([0.0, 0.0, 1.0, 0.0], ('dark ink made white', 'contrast raised 4.0 times'))
        """
        paper, noise = _paper(grey)
        away = grey - paper
        darker, lighter = -float(away.min()), float(away.max())
        dark, contrast = darker > lighter, max(darker, lighter)
        if contrast < max(_LEAST_CONTRAST, _LEAST_OVER_NOISE * noise):
            raise BlankError("no ink stands out from plain paper")
        values = np.clip(((-away if dark else away) - noise) / (contrast - noise), 0, 1)
        changes = ["dark ink made white"] if dark else []
        if 1 / contrast > _STRETCH_WORTH_TELLING:
            changes.append(f"contrast raised {1 / contrast:.1f} times")
        return cls(values, tuple(changes))

    def centred(self, height: int, width: int) -> "Ink":
        """As MNIST's makers would have it: in a box of 20/28 of the page, its mass in the middle."""
        from PIL.Image import Resampling

        rows, columns = (np.flatnonzero((self.values > _FAINT).any(axis=axis)) for axis in (1, 0))
        top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
        ink = self.values[top:bottom, left:right]
        scale = round(_BOX * min(height, width)) / max(ink.shape)
        if scale != 1:
            size = [max(1, round(scale * side)) for side in (right - left, bottom - top)]
            how = Resampling.BOX if scale < 1 else Resampling.BICUBIC
            ink = np.asarray(_image(ink).resize(size, how))
            ink = np.clip(ink / ink.max(), 0, 1)
        y, x = _place(ink, 0, height), _place(ink, 1, width)
        page = np.zeros((height, width), np.float32)
        page[y : y + ink.shape[0], x : x + ink.shape[1]] = ink
        moved = self.values.shape != page.shape or max(abs(y - top), abs(x - left)) > _SHIFT_WORTH_TELLING
        return Ink(
            page, (*self.changes, "cropped and centred like MNIST's digits") if moved else self.changes
        )

    def fitted(self, height: int, width: int) -> "Ink":
        """Whole and in its proportions in so many pixels."""
        from PIL import Image, ImageOps

        page = ImageOps.pad(_image(self.values), (width, height), Image.Resampling.BILINEAR, color=0)
        return Ink(np.asarray(page), self.changes)


def _paper(grey: Grey) -> tuple[Grey, float]:
    """The paper's grey, as (height, width) or what broadcasts to it, and its noise, by the picture's border.

    Shading is followed by a plane. Ink may reach the border: what is not near the most common grey, or near
    the plane, does not count.
    """
    edge = border(grey).astype(np.float64)
    common = _most_common(edge)
    near = np.abs(edge - common) <= _SHADING
    y, x = np.arange(grey.shape[0])[:, None], np.arange(grey.shape[1])[None]
    places = np.stack([border(np.broadcast_to(axis, grey.shape)) for axis in (np.ones(1), y, x)], axis=1)
    plane = np.array([common, 0, 0])
    if near.mean() > _MOST:
        for _ in range(_TURNS):
            plane = np.linalg.lstsq(places[near], edge[near], rcond=None)[0]
            off = np.abs(edge - places @ plane)
            near = off <= max(_LEAST_CONTRAST, _NOISE * float(np.median(off)))
    noise = _NOISE * float(np.median(np.abs(edge - places @ plane)))
    return (plane[0] + plane[1] * y + plane[2] * x).astype(np.float32), noise


def _most_common(values: NDArray[np.float64]) -> float:
    """The middle of the values in the fullest of 16 ranges and its neighbours."""
    counts, edges = np.histogram(values, 16, (0, 1))
    fullest = int(counts.argmax())
    low, high = edges[max(fullest - 1, 0)], edges[min(fullest + 2, 16)]
    return float(np.median(values[(values >= low) & (values <= high)]))


def _image(values: Grey) -> "Image":
    from PIL import Image

    return Image.fromarray(values)


def _place(ink: Grey, axis: int, length: int) -> int:
    """Where the ink begins along an axis so that its centre of mass is at the middle, and none is lost."""
    mass = ink.sum(axis=1 - axis)
    centre = float((mass * np.arange(len(mass))).sum() / mass.sum())
    return min(max(round(length / 2 - centre), 0), length - len(mass))
