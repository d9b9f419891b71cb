"""What the pictures share: where to draw, and images side by side in one grid."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cnnfast.layers import Conv2D

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase


def canvas(figure: "FigureBase | None", width: float, height: float) -> "FigureBase":
    """The figure to draw on: the one given, or a new one of so many inches, made without pyplot.

    Raises:
        ImportError: matplotlib is not installed.
    """
    if figure is not None:
        return figure
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("Pictures need matplotlib: pip install 'cnnfast[viz]'") from error
    return Figure(figsize=(width, height), layout="constrained", dpi=120)


def is_convolution(layer: Any) -> bool:
    """Whether a layer is built and has the kernel of a 2-D convolution."""
    return isinstance(layer, Conv2D) and layer.built


def grid_columns(count: int, aspect: float = 2.0) -> int:
    """Columns of a grid of `count` square cells about `aspect` times as wide as high, as full as can be.

    Example:
        >>> grid_columns(30), grid_columns(12), grid_columns(1)
        (6, 4, 1)
    """
    ideal = math.sqrt(count * aspect)
    near = range(max(1, math.floor(0.7 * ideal)), math.ceil(1.3 * ideal) + 1)
    return min(near, key=lambda columns: (-count % columns, abs(columns - ideal)))


def mosaic(tiles: NDArray[Any], columns: int) -> NDArray[np.float32]:
    """Images of one size side by side in rows, with a line of NaN, which is drawn as nothing, between them.

    Args:
        tiles: (n, h, w) or (n, h, w, 3), one image or more.
        columns: images in a row.

    Example:
        >>> mosaic(np.ones((3, 2, 2)), columns=2).shape
        (5, 5)
    """
    count, height, width = tiles.shape[:3]
    rows = math.ceil(count / columns)
    shape = (rows * (height + 1) - 1, columns * (width + 1) - 1, *tiles.shape[3:])
    grid = np.full(shape, np.nan, np.float32)
    for index, tile in enumerate(tiles):
        top, left = index // columns * (height + 1), index % columns * (width + 1)
        grid[top : top + height, left : left + width] = tile
    return grid


def bare(axes: "Axes") -> None:
    """Takes the frame and the ticks off: pixels have no units worth naming."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
